"""docs/webhooks.md is true: its schedule, its limits, its codes, and its ways of verifying."""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.webhooks.body import Rotation
from api.webhooks.deliveries import MOST_REPLAYED
from storage.addresses import URL_LIMIT
from storage.events import TYPES
from storage.outbox import DELETED, LONGEST_REST_S, MAX_ATTEMPTS_KEPT, STRAINED
from storage.rules import DELIVERY, RULES
from storage.sender import READ_BYTES, TIMEOUT_S
from storage.signing import Signer, Signing
from storage.webhooks import MAX_ENDPOINTS
from workers.deliver import JITTER, SCHEDULE_S

PAGE = (Path(__file__).parent.parent / "docs" / "webhooks.md").read_text()
UNITS = {"s": 1, "min": 60, "h": 3600}
SIGNER = Signer(SecretStr("a secret of thirty-two characters"))
BODY = '{"type":"job.succeeded","said":"schöne Grüße"}\n'


def test_the_schedule_is_the_code_s() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| 5 s |"))
    pauses = [int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+) (s|min|h)", row)]
    assert tuple(pauses) == SCHEDULE_S
    assert JITTER == 0.2


@pytest.mark.parametrize(
    "said",
    [
        f"{MAX_ENDPOINTS} endpoints a key",
        f"URLs of {URL_LIMIT:,} characters".replace(",", " "),
        f"up to {READ_BYTES // 1024} kB",
        f"a 2xx within {TIMEOUT_S:g} s",
        f"none within {TIMEOUT_S:g} s",
        f"the last {MAX_ATTEMPTS_KEPT} attempts",
        f"about {MOST_REPLAYED:,} events a call".replace(",", " "),
        f"gets {RULES[DELIVERY].at_once}\ndeliveries at once",
        f'"overlap_s": {Rotation().overlap_s}',
        f"up to {LONGEST_REST_S / 60:g} minutes",
        f"`{DELETED.code}`",
        *(f"`{name}`" for name in TYPES),
    ],
)
def test_what_it_says_is_so(said: str) -> None:
    assert said in PAGE
    assert STRAINED == 5
    assert RULES[DELIVERY].record_s == 3 * 86_400


def test_the_shell_s_way_of_verifying_works(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl here")
    (script,) = (block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "openssl" in block)
    headers = SIGNER.headers("we_1", Signing(2, ((1, 2**53),)), "evt_1", BODY, datetime.now(UTC))
    (tmp_path / "body").write_text(BODY)
    values = {
        "secret": SIGNER.secret("we_1", 1).get_secret_value(),
        "id": "evt_1",
        "timestamp": headers["webhook-timestamp"],
        "signature": headers["webhook-signature"],
    }

    def verified(**other: str) -> bool:
        environment = {"PATH": "/usr/bin:/bin:/usr/local/bin"} | values | other
        ran = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, timeout=30)
        return ran.stdout == b"verified\n"

    assert verified()
    assert verified(secret=SIGNER.secret("we_1", 2).get_secret_value())
    assert not verified(id="evt_2")
    assert not verified(secret=SIGNER.secret("we_2", 1).get_secret_value())


def test_python_s_way_of_verifying_works() -> None:
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    headers = SIGNER.headers("we_1", Signing(), "evt_1", BODY, datetime.now(UTC))
    names = {"secret": SIGNER.secret("we_1", 1).get_secret_value(), "body": BODY.encode(), "headers": headers}
    exec(script, names)  # noqa: S102 - it is our own page's
    assert names["event"] == {"type": "job.succeeded", "said": "schöne Grüße"}
