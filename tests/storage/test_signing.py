"""Secrets: derived, of a form that every verifier reads the same, and changed over without a gap."""

import base64
import time
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from openai import OpenAI
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from storage.signing import MAX_RETIRING, SECRET_BYTES, Signer, Signing

SIGNER = Signer(SecretStr("a secret of thirty-two characters"))
DAY_MS = 86_400_000
BODY = '{"type":"job.succeeded","said":"schöne Grüße"}'


def test_a_secret_is_standard_base64_without_padding_and_always_the_same() -> None:
    for number in range(200):
        secret = SIGNER.secret(f"we_{number}", 1).get_secret_value()
        assert secret.startswith("whsec_")
        assert "=" not in secret
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == SECRET_BYTES
        assert (
            Signer(SecretStr("a secret of thirty-two characters")).secret(f"we_{number}", 1).get_secret_value()
            == secret
        )


def test_every_endpoint_version_and_gateway_has_another_secret() -> None:
    other = Signer(SecretStr("another secret of 32 characters.."))
    secrets = [signer.secret(whose, version) for signer in (SIGNER, other) for whose in "ab" for version in (1, 2, 12)]
    assert len({secret.get_secret_value() for secret in secrets}) == len(secrets)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
def test_a_signature_holds_whichever_zone_its_time_is_told_in(zone: timezone) -> None:
    at = datetime.now(zone)
    headers = SIGNER.headers("we_1", Signing(), "evt_1", BODY, at)
    key = SIGNER.secret("we_1", 1).get_secret_value()
    assert headers["webhook-timestamp"] == str(int(at.timestamp()))
    Webhook(key).verify(BODY, headers)
    Webhook(key).verify(BODY.encode(), headers)
    OpenAI(api_key="unused").webhooks.verify_signature(BODY, headers, secret=key)
    with pytest.raises(WebhookVerificationError):
        Webhook(SIGNER.secret("we_2", 1).get_secret_value()).verify(BODY, headers)


def test_an_old_attempt_is_refused_by_the_verifiers() -> None:
    headers = SIGNER.headers("we_1", Signing(), "evt_1", BODY, datetime.fromtimestamp(time.time() - 400, UTC))
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(SIGNER.secret("we_1", 1).get_secret_value()).verify(BODY, headers)


def test_after_a_rotation_the_old_secret_signs_until_the_overlap_is_over() -> None:
    signing = Signing().rotated(1000, 86_400)
    assert signing.version == 2
    assert signing.versions(1000) == [2, 1]
    assert signing.versions(1000 + DAY_MS - 1) == [2, 1]
    assert signing.versions(1000 + DAY_MS) == [2]


def test_a_rotation_that_is_repeated_leaves_the_secret_in_use_signing() -> None:
    signing = Signing().rotated(0, 86_400).rotated(10, 86_400)  # the answer to the first one was lost, say
    assert signing.versions(20) == [3, 2, 1]


def test_without_an_overlap_no_older_secret_signs_on() -> None:
    signing = Signing().rotated(0, 86_400).rotated(10, 0)
    assert signing == Signing(3)
    assert signing.versions(10) == [3]


def test_a_shorter_overlap_shortens_earlier_ones_and_a_longer_one_lengthens_none() -> None:
    assert Signing().rotated(0, 86_400).rotated(0, 60).retiring == ((1, 60_000), (2, 60_000))
    assert Signing().rotated(0, 60).rotated(0, 86_400).retiring == ((1, 60_000), (2, DAY_MS))


def test_so_many_secrets_sign_at_once_and_no_more() -> None:
    signing = Signing()
    for now in range(3 * MAX_RETIRING):
        signing = signing.rotated(now, 86_400)
    assert signing.versions(100) == list(range(signing.version, signing.version - MAX_RETIRING - 1, -1))
    headers = SIGNER.headers("we_1", Signing(2, ((1, 2**53),)), "evt_1", BODY, datetime.now(UTC))
    assert len(headers["webhook-signature"].split(" ")) == 2


def test_it_comes_back_as_it_was_kept() -> None:
    for signing in (Signing(), Signing().rotated(5, 60)):
        assert msgspec.json.decode(msgspec.json.encode(signing), type=Signing) == signing
