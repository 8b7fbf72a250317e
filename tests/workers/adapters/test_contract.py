"""What holds for every adapter in the registry; saved replies in wire/<adapter>/ belong to it by their folder."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
import pytest

from storage.errors import UpstreamBusy, UpstreamError, UpstreamMalformed
from storage.job import Kind
from tests.workers.adapters import saved
from tests.workers.adapters.saved import Saved, adapter, load, reply
from tests.workers.adapters.tasks import REQUESTS, task
from workers.adapters import ADAPTERS
from workers.adapters.base import Call, CalledBack, Field, Prepaid

EACH = pytest.mark.parametrize("name", ADAPTERS)
POLLED = pytest.mark.parametrize("name", [name for name in ADAPTERS if adapter(name).batch])
CREDENTIALS = {"authorization", "x-api-key", "cookie", "proxy-authorization"}
NONSENSE = [b"", b"<html>no</html>", b"null", b"[]", b"{}", b"0", b'"text"', b"[null]", b'[{"id":null}]', b"\xff\xfe"]
WRONG: list[Any] = [None, True, 0, -1.5, "", "text", [], [None], {}, {"id": []}]


def submissions(name: str) -> Iterator[Call]:
    """Of every kind the adapter takes, with what it is built from."""
    for kind in adapter(name).kinds & REQUESTS.keys():
        yield adapter(name).submit(task(kind))


def calls(name: str) -> list[Call]:
    """Those that only ask."""
    speaks = adapter(name)
    asked = [speaks.recent(), speaks.credits() if isinstance(speaks, Prepaid) else None, speaks.cancel(["a"])]
    asked += [speaks.poll(["a"]), speaks.single("a")] if speaks.batch else []
    return [call for call in asked if call]


@EACH
def test_every_kind_that_is_offered_can_be_submitted(name: str) -> None:
    speaks = adapter(name)
    assert speaks.kinds
    assert speaks.kinds <= REQUESTS.keys(), "tests/workers/adapters/tasks.py has no task of this kind"


@EACH
def test_submitting_is_marked_as_what_pays_and_nothing_else_is(name: str) -> None:
    assert all(call.pays for call in submissions(name))
    assert not any(call.pays for call in calls(name))


@EACH
def test_no_call_holds_a_credential_or_a_host(name: str) -> None:
    for call in [*submissions(name), *calls(name)]:
        assert not CREDENTIALS & {header.lower() for header in call.headers}
        assert call.path.startswith("/")
        assert not call.path.startswith("//")


@EACH
def test_what_is_sent_can_be_written_down(name: str) -> None:
    for call in [*submissions(name), *calls(name)]:
        assert call.json is None or not call.form
        assert msgspec.json.decode(msgspec.json.encode(call.json)) == msgspec.to_builtins(call.json)
        assert all(isinstance(field, Field) for field in call.form)
        assert all(isinstance(value, str) for value in call.query.values())
        assert call.timeout_s > 0


@EACH
def test_the_same_task_is_always_the_same_call(name: str) -> None:
    assert [*submissions(name)] == [*submissions(name)]


@POLLED
def test_a_poll_takes_as_many_ids_as_the_adapter_says(name: str) -> None:
    speaks = adapter(name)
    ids = [f"id-{number:03}" for number in range(speaks.batch)]
    call = speaks.poll(ids)
    sent = call.path + str(call.query) + str(call.json)
    assert all(id in sent for id in ids)


@POLLED
def test_an_id_cannot_lead_a_call_elsewhere(name: str) -> None:
    call = adapter(name).single("../admin?all=1#")
    assert call is None or call.path.endswith("..%2Fadmin%3Fall%3D1%23")


@EACH
def test_options_that_there_are_not_are_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        adapter(name, {"no_such_option": 1})


@pytest.mark.parametrize("name", [name for name in saved.names() if load(name).says])
def test_a_saved_reply_is_read_as_its_file_says(name: str) -> None:
    one = load(name)
    if one.raises is not msgspec.UNSET:
        with pytest.raises(UpstreamError) as caught:
            saved.read(name.partition("/")[0], one, one.received())
        found = saved.error(caught.value)
        assert saved.agrees(found, one.raises), found
    else:
        found = saved.read(name.partition("/")[0], one, one.received())
        assert saved.agrees(found, one.gives), found


@pytest.mark.parametrize("name", saved.names())
def test_a_saved_reply_says_where_and_when_it_is_from(name: str) -> None:
    one = load(name)
    assert one.about
    assert one.source
    assert one.date
    assert one.says or adapter(name.partition("/")[0]).batch == 0, "what is polled says here what it is read as"


@EACH
def test_a_good_status_with_nonsense_leaves_open_whether_the_job_was_taken(name: str) -> None:
    speaks = adapter(name)
    for kind, body in product(speaks.kinds - {Kind.SPEECH}, NONSENSE):  # speech: any bytes may be sound
        with pytest.raises(UpstreamMalformed) as caught:
            speaks.taken(task(kind), reply(200, body))
        assert caught.value.in_doubt, body


@EACH
@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
def test_a_failure_of_the_server_leaves_open_whether_the_job_was_taken(name: str, status: int) -> None:
    speaks = adapter(name)
    for kind, body in product(speaks.kinds, (b"", b"<html>Bad Gateway</html>", b'{"detail":"Internal Server Error"}')):
        with pytest.raises(UpstreamError) as caught:
            speaks.taken(task(kind), reply(status, body))
        assert caught.value.in_doubt


@EACH
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429])
def test_a_refusal_leaves_nothing_open(name: str, status: int) -> None:
    speaks = adapter(name)
    for kind in speaks.kinds:
        with pytest.raises(UpstreamError) as caught:
            speaks.taken(task(kind), reply(status, b'{"detail":"no"}'))
        assert not caught.value.in_doubt


@EACH
def test_being_too_fast_is_waited_for_as_long_as_the_upstream_asks(name: str) -> None:
    speaks = adapter(name)
    for kind in speaks.kinds:
        with pytest.raises(UpstreamBusy) as caught:
            speaks.taken(task(kind), reply(429, b"", {"retry-after": "17"}))
        assert caught.value.retry_after_s == 17


@POLLED
@pytest.mark.parametrize("status", [200, 202, 204, 302, 400, 401, 404, 429, 500, 502])
def test_nonsense_raises_upstream_s_errors_and_no_others(name: str, status: int) -> None:
    for body in NONSENSE:
        try:
            assert adapter(name).read(reply(status, body)) == {}
        except UpstreamError:
            continue


@pytest.mark.parametrize("name", saved.names())
def test_a_reply_cut_anywhere_raises_upstream_s_errors_and_no_others(name: str) -> None:
    one = load(name)
    for length in range(0, len(one.body), max(1, len(one.body) // 40)):
        _bear(name, one, one.body[:length])


@pytest.mark.parametrize("name", [name for name in saved.names() if "json" in load(name).reply])
def test_a_value_of_another_type_raises_upstream_s_errors_and_no_others_and_no_id_is_invented(name: str) -> None:
    one = load(name)
    for changed in _changed(one.reply["json"]):
        _bear(name, one, msgspec.json.encode(changed))


@EACH
def test_a_callback_of_nonsense_is_refused(name: str) -> None:
    speaks = adapter(name)
    if isinstance(speaks, CalledBack):
        for body in NONSENSE:
            with pytest.raises(UpstreamMalformed):
                speaks.heard(body)


def _bear(name: str, one: Saved, body: bytes) -> None:
    """Has a spoilt body read: it may be refused, or mean something, but only of ids that are in it."""
    received = reply(one.reply.get("status", 200), body, one.reply.get("headers", {}))
    try:
        found = saved.read(name.partition("/")[0], one, received)
    except UpstreamError:
        return
    for id in _ids(one.reads, found):
        assert id
        assert id.encode() in body


def _ids(reads: str, found: Any) -> Iterator[str]:
    match reads:
        case "taken":
            yield from found["ids"]
        case "found":
            yield from (id for one in found for id in one)
        case "read" | "heard":
            yield from found
            yield from (item["id"] for items in found.values() for item in items if "id" in item)


def _changed(value: Any) -> Iterator[Any]:
    """The value with one of its parts replaced, for each part and each wrong thing to put there."""
    yield from WRONG
    match value:
        case dict():
            for key in value:
                yield from ({**value, key: other} for other in _changed(value[key]))
        case list():
            for at in range(len(value)):
                yield from ([*value[:at], other, *value[at + 1 :]] for other in _changed(value[at]))
