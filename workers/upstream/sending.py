"""Calls on their way to an account, and what comes back.

An adapter's `Call` gets the account's address and its credential here, and what the caller sent with the job. Whether a
call that failed may have been taken is told by how it failed: where no connection came about nothing was sent; later,
nobody knows.
"""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from storage.accounts import Account
from storage.credentials import Credentials, credential
from storage.errors import UpstreamDisconnected, UpstreamError, UpstreamUnreachable, UpstreamUntrusted
from storage.outbound import Outbound
from storage.wire.reply import Reply
from workers.adapters.base import Adapter, Call, Field, Given
from workers.adapters.given import titled, turned
from workers.upstream.forms import Part, form

MOST_BYTES = 128_000_000
"""Of a reply: four of the largest pictures, in Base64."""

_HEAD_BYTES = 64
_NOT_SENT = (UpstreamUnreachable, UpstreamUntrusted)


class Sending:
    """`outbound` must be allowed to reach what the operator has named, also where that is not public."""

    def __init__(self, outbound: Outbound, credentials: Credentials) -> None:
        self._outbound, self._credentials = outbound, credentials

    async def call(
        self,
        account: Account,
        adapter: Adapter,
        call: Call,
        given: Mapping[str, Path] | None = None,
        *,
        into: Path | None = None,
    ) -> Reply:
        """The reply, whatever its status. `given`: what the caller sent, by its name. `into`: where a good reply to a
        call `to_file` goes.

        Raises UpstreamError; with `in_doubt`, a call that `pays` may have been taken. Raises InvalidRequest before
        anything is sent, if what the caller sent is not what it has to be.
        """
        headers = {**call.headers, **credential(adapter.auth, await self._credentials.of(account))}
        body, more = await asyncio.to_thread(_body, call, given or {})
        url = account.base_url.rstrip("/") + call.path + (f"?{urlencode(call.query)}" if call.query else "")
        try:
            answer = await self._outbound.request(
                call.method,
                url,
                headers={**headers, **more},
                body=body,
                timeout_s=call.timeout_s,
                limit_bytes=MOST_BYTES,
                proxy=account.proxy,
            )
            if answer.truncated:
                raise UpstreamDisconnected("the upstream's answer broke off, or is larger than any should be")
        except UpstreamError as error:
            error.in_doubt = call.pays and not isinstance(error, _NOT_SENT)
            raise
        if answer.status == 401:
            self._credentials.refused(account)
        kept = {name.lower(): value for name, value in answer.headers.items()}
        if into and call.to_file and answer.status // 100 == 2:
            await asyncio.to_thread(into.write_bytes, answer.body)
            return Reply(answer.status, kept, b"", into)
        return Reply(answer.status, kept, answer.body)


def fingerprint(call: Call) -> bytes:
    """What the call asks for, without what the caller sent along: the same for the same job."""
    return msgspec.json.encode([call.method, call.path, call.query, call.json, call.form], enc_hook=repr)


def _body(call: Call, given: Mapping[str, Path]) -> tuple[Any, dict[str, str]]:
    """What goes out, and the headers that say what it is. Blocks on the disk."""
    if call.form:
        made = form([_part(field, given) for field in call.form])
        return made.chunks, made.headers
    if call.json is None:
        return None, {}
    return msgspec.json.encode(_filled(call.json, given)), {"content-type": "application/json"}


def _part(field: Field, given: Mapping[str, Path]) -> Part:
    if not isinstance(field.value, Given):
        body = field.value.encode() if isinstance(field.value, str) else field.value
        return Part(field.name, body, field.file_name, field.content_type)
    path = given[field.value.name]
    with path.open("rb") as file:
        name, kind = titled(field, file.read(_HEAD_BYTES))
    sent: bytes | Path = path if field.value.turn is None else turned(field.value, path.read_bytes())
    return Part(field.name, sent, name, kind)


def _filled(value: Any, given: Mapping[str, Path]) -> Any:
    """The same, with Base64 of what the caller sent where it stands for that."""
    match value:
        case Given(name=name, data_uri=whole):
            text = base64.b64encode(turned(value, given[name].read_bytes())).decode()
            return f"data:application/octet-stream;base64,{text}" if whole else text
        case dict():
            return {key: _filled(each, given) for key, each in value.items()}
        case list() | tuple():
            return [_filled(each, given) for each in value]
        case _:
            return value
