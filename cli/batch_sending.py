"""A prepared batch on its way to the gateway: once, however often it must be sent."""

from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple, cast
from urllib.parse import urlencode

from api.batches.lines import JOBS
from cli.batch_input import Prepared
from cli.session import Session

_BLOCK = 1 << 16
_UPLOAD_TIMEOUT_S = 600.0
_WINDOW = "24h"
_BOUNDARY = "ai-gateway-batch-0f6d1c1b7e"


class Sending(NamedTuple):
    """`draft`: the prepared lines. `name`: what the batch is called there."""

    session: Session
    prepared: Prepared
    draft: IO[bytes]
    name: str

    def check(self) -> dict[str, Any]:
        """What the gateway itself finds wrong; nothing is submitted."""
        if self.prepared.form == JOBS:
            return self._post_jobs({"dry_run": "true"}, {})
        file = self.upload()
        try:
            return self._post_batch(file, {}, dry_run=True)
        finally:
            self.session.client.call("DELETE", f"/v1/files/{file}")

    def upload(self) -> str:
        """Store the lines there as a file; its id. Done twice, it leaves one that is of no use."""
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="input.jsonl"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        ).encode()
        tail = f"\r\n--{_BOUNDARY}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        return str(self._post("/v1/files", headers, head, tail)["id"])

    def submit(self, key: str, file: str | None) -> dict[str, Any]:
        """The batch; the same key gives the same. `file`: where the lines are stored there, if they have to be."""
        named = {"Idempotency-Key": key}
        if file is None:
            return self._post_jobs({"name": self.name}, named)
        return self._post_batch(file, named)

    def _post_jobs(self, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, Any]:
        return self._post(f"/v1/jobs/batch?{urlencode(query)}", {**headers, "Content-Type": "application/jsonl"})

    def _post_batch(self, file: str, headers: Mapping[str, str], **more: Any) -> dict[str, Any]:
        body = {
            "input_file_id": file,
            "endpoint": self.prepared.endpoint,
            "completion_window": _WINDOW,
            "metadata": {"name": self.name},
            **more,
        }
        client = self.session.client
        return cast("dict[str, Any]", self.session.patience.insist(lambda: client.post("/v1/batches", body, headers)))

    def _post(self, path: str, headers: Mapping[str, str], head: bytes = b"", tail: bytes = b"") -> dict[str, Any]:
        length = len(head) + self.prepared.size_bytes + len(tail)
        whole = {**headers, "Content-Length": str(length)}

        def send() -> Any:
            body = self._lines(head, tail)
            return self.session.client.call("POST", path, body, whole, timeout_s=_UPLOAD_TIMEOUT_S)

        return cast("dict[str, Any]", self.session.patience.insist(send))

    def _lines(self, head: bytes, tail: bytes) -> Iterator[bytes]:
        yield head
        self.draft.seek(0)
        while block := self.draft.read(_BLOCK):
            yield block
        yield tail
