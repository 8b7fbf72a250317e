"""How relays say no: by a word in `code`, or with Suno's own answer under `invalid_request`. Source:
shared/protocols/suno.md B.1; new-api's codes for money: QuantumNous/new-api, `insufficient_user_quota`."""

from typing import Any

from storage.errors import (
    ContentRefused,
    UpstreamBusy,
    UpstreamError,
    UpstreamFailed,
    UpstreamOutOfCredits,
    UpstreamRefused,
)
from storage.wire.reading import retry_after_s, words
from storage.wire.reply import Reply
from workers.adapters.suno_clips import record, text
from workers.adapters.suno_errors import body_of, told
from workers.adapters.suno_errors import refused as by_suno

_FAULTS: dict[str, type[UpstreamError]] = {
    "internal_error": UpstreamFailed,
    "fail_to_fetch_task": UpstreamFailed,
    "do_request_failed": UpstreamFailed,
    "channel_no_available_key": UpstreamBusy,
    "task_channel_disable": UpstreamRefused,
    "task_origin_not_exist": UpstreamRefused,
    "task_not_exist": UpstreamRefused,
    "invalid_action": UpstreamRefused,
    "prompt_empty": ContentRefused,
    "insufficient_user_quota": UpstreamOutOfCredits,
    "pre_consume_token_quota_failed": UpstreamOutOfCredits,
}
_MAY_HAVE_SENT = {"internal_error", "fail_to_fetch_task", "do_request_failed"}
"""These leave open how far the relay came with Suno. The others are reasons not to have begun, whatever the status."""


def refused(reply: Reply, *, paid: bool) -> UpstreamError:
    """The error for a reply that says no."""
    body = body_of(reply)
    code = text(body.get("code")) or text(record(body.get("error")).get("code"))
    fault = _FAULTS.get(code)
    if fault is not None:
        said = words(_said(body) or code)
        doubt = paid and code in _MAY_HAVE_SENT
        return fault(f"the relay says {code}: {said}", retry_after_s=retry_after_s(reply.headers), in_doubt=doubt)
    if reply.status == 401 and code == "invalid_request":  # Suno's answer, passed on: the relay's session, not our key
        return UpstreamFailed("Suno refuses the relay's session")
    if reply.status in (200, 201):
        return UpstreamFailed(f"the relay says {code or 'no'}: {told(body) or 'and not why'}", in_doubt=paid)
    return by_suno(reply, paid=paid)


def _said(body: dict[str, Any]) -> str:
    return text(body.get("message")) or text(record(body.get("error")).get("message"))
