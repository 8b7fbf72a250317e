"""`ai-gateway submit|get|watch|cancel|feed`, on a whole gateway."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.gateway import Gateway
from tests.cli.callers import Someone, call
from tests.cli.proxy import Proxy
from tests.cli.sketch import FILE_BYTES, SIZES

SUBMIT = ["submit", "music.generate", "title=One"]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Jobs with `hold=` this are made once it is there."""
    return tmp_path / "gate"


@pytest.fixture
def proxy(sketching: Gateway) -> Iterator[Proxy]:
    with Proxy(sketching.port) as proxy:
        yield proxy


def test_a_job_is_submitted_with_its_fields_as_what_they_are(someone: Someone, tmp_path: Path) -> None:
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"tags": "folk", "title": "Another"}))
    words = ["make_instrumental=yes", "--model", "chirp-v4", "--priority", "3", "--metadata", "album=One = Two"]
    job = someone.call(*SUBMIT, "--input", more, *words).one()
    assert (job["kind"], job["model"], job["metadata"]) == ("music.generate", "chirp-v4", {"album": "One = Two"})
    assert someone.call("get", job["id"]).one()["id"] == job["id"]
    (clip, _) = someone.clips(job["id"])
    assert (clip["title"], clip["metadata"]["tags"]) == ("One", "folk")


def test_input_is_read_from_a_pipe(someone: Someone) -> None:
    job = someone.call("submit", "music.generate", "--input", "-", input='{"title": "Piped"}').one()
    assert someone.clips(job["id"])[0]["title"] == "Piped"


def test_the_same_key_gives_the_same_job(someone: Someone) -> None:
    first, again = (someone.call(*SUBMIT, "--idempotency-key", "k").one() for _ in range(2))
    assert first["id"] == again["id"]


def test_with_wait_and_out_the_results_are_here_when_it_ends(someone: Someone, tmp_path: Path) -> None:
    out = tmp_path / "songs"
    job = someone.call(*SUBMIT, "--wait", "--out", out).one()
    assert job["status"] == "succeeded"
    assert [file.stat().st_size for file in sorted(out.iterdir())] == SIZES
    assert (out / f"{job['id']}-1.mp3").exists()


def test_a_job_that_fails_ends_it_with_1(someone: Someone) -> None:
    job = someone.call(*SUBMIT, "fail_all=yes", "--wait").one(code=1)
    assert (job["status"], job["error"]["code"]) == ("failed", "engine_failed")
    assert someone.call("watch", job["id"]).one(code=1) == job
    assert someone.call("get", job["id"]).one(code=0) == job


def test_several_jobs_are_watched_until_the_last_has_ended(someone: Someone, gate: Path) -> None:
    ids = [someone.call(*SUBMIT, f"hold={gate}").one()["id"] for _ in range(3)]
    with later(gate):
        told = someone.call("watch", *ids, ids[0]).lines()
    assert {job["id"] for job in told} == set(ids)
    for id in ids:
        course = [job for job in told if job["id"] == id]
        assert course[-1]["status"] == "succeeded"
        assert [job["progress"] for job in course] == sorted(job["progress"] for job in course)


def test_a_stream_that_breaks_is_read_on_from_its_last_event(someone: Someone, proxy: Proxy, gate: Path) -> None:
    id = someone.call(*SUBMIT, f"hold={gate}").one()["id"]
    proxy.cut_after_events = 1
    with later(gate):
        told = someone.call("watch", id, GATEWAY_URL=proxy.url).lines()
    assert told[-1]["status"] == "succeeded"
    streams = [asked for asked in proxy.asked if asked.path.endswith("/events")]
    assert len(streams) > 1
    assert not streams[0].last_event_id
    assert all(asked.last_event_id.startswith("evt_") for asked in streams[1:])


def test_where_there_are_no_streams_it_asks_again_and_again(someone: Someone, proxy: Proxy, gate: Path) -> None:
    id = someone.call(*SUBMIT, f"hold={gate}").one()["id"]
    proxy.no_streams = True
    with later(gate):
        told = someone.call("watch", id, GATEWAY_URL=proxy.url).lines()
    assert told[-1]["status"] == "succeeded"
    assert [asked.path for asked in proxy.asked if "wait=" in asked.path]


def test_a_job_is_canceled(someone: Someone, gate: Path) -> None:
    id = someone.call(*SUBMIT, f"hold={gate}").one()["id"]
    assert someone.call("cancel", id).one()["status"] == "canceled"
    assert someone.call("watch", id).one(code=1)["status"] == "canceled"


def test_a_feed_lists_the_newest_first_by_kind_and_status_over_pages(someone: Someone) -> None:
    ids = [someone.call(*SUBMIT, f"title={number}", "--wait").one()["id"] for number in range(2)]
    failed = someone.call(*SUBMIT, "fail_all=1", "--wait").one(code=1)["id"]
    assert [job["id"] for job in someone.call("feed").lines()] == [failed, *reversed(ids)]
    assert [job["id"] for job in someone.call("feed", "--status", "failed").lines()] == [failed]
    assert someone.call("feed", "--kind", "music.concat").lines() == []
    assert len(someone.call("feed", "--limit", "2").lines()) == 2


@pytest.mark.parametrize("no_streams", [False, True], ids=["by events", "by asking"])
def test_a_feed_is_followed_with_every_change(someone: Someone, proxy: Proxy, gate: Path, no_streams: bool) -> None:
    proxy.no_streams = no_streams
    old = someone.call(*SUBMIT, "--wait").one()["id"]
    with someone.calling("feed", "--follow", GATEWAY_URL=proxy.url) as following:
        assert following.stdout
        assert json.loads(following.stdout.readline())["id"] == old
        new = someone.call(*SUBMIT, f"hold={gate}").one()["id"]
        first = json.loads(following.stdout.readline())
        assert (first["id"], first["status"] in ("queued", "running")) == (new, True)
        gate.touch()
        assert any(json.loads(line)["status"] == "succeeded" for line in following.stdout)
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130


def test_a_person_sees_bars_tables_and_where_results_are(someone: Someone) -> None:
    code, screen = someone.seen(*SUBMIT, "--wait")
    assert code == 0
    assert "\x1b[" in screen
    assert "━" in screen
    assert f"audio  1.5 s  {FILE_BYTES / 1e6:.1f} MB  {someone.gateway.url}/media/" in screen
    code, screen = someone.seen("feed")
    assert (code, "succeeded" in screen, '{"id"' in screen) == (0, True, False)
    code, screen = someone.seen("feed", "--json")
    assert (code, screen.startswith('{"id"')) == (0, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["submit", "poem"], "there is no kind 'poem'; there are: music.generate, "),
        (["submit", "music.generate", "title"], "'title' is not of the form name=value"),
        (["submit", "music.generate", "make_instrumental=maybe"], "make_instrumental: Input should be a valid boolean"),
        (["submit", "music.generate", "--input", "-"], "--input: not JSON: "),
        (["submit", "music.extend", "continue_clip_id=x"], "404 input.continue_clip_id: there is no such clip"),
        (["get", "nothing"], "GET /v1/jobs/nothing: 404 there is no such job"),
        (["watch", "nothing"], "GET /v1/jobs/nothing: 404 there is no such job"),
        (["watch"], "Missing argument"),
        (["feed", "--status", "done"], "status: one of these is wanted: queued, "),
    ],
)
def test_what_is_wrong_is_told_and_ends_it_with_2(someone: Someone, words: list[str], message: str) -> None:
    said = someone.call(*words, input="{")
    assert said.code == 2
    assert message in said.notes


def test_a_field_that_nobody_knows_is_sent_and_told(someone: Someone) -> None:
    said = someone.call(*SUBMIT, "promt=x")
    assert said.code == 0
    assert said.notes.startswith("music.generate has no field 'promt'; it is sent all the same. It has: ")


def test_a_gateway_on_this_machine_is_found_by_its_folder(sketching: Gateway) -> None:
    assert call("feed", "--limit", "1", GATEWAY_DATA=str(sketching.data)).code == 0


def test_a_key_is_read_from_a_file(someone: Someone, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"  {someone.key}\n")
    assert call("feed", "--key-file", file, GATEWAY_URL=f"{someone.gateway.url}/v1/").code == 0


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "no gateway runs on {folder}, and none is named: set GATEWAY_URL, or start one with `ai-gateway up`"),
        ({"GATEWAY_URL": "http://127.0.0.1:9"}, "no key for http://127.0.0.1:9: set GATEWAY_API_KEY, or "),
        ({"GATEWAY_URL": "localhost:8080", "GATEWAY_API_KEY": "k"}, "must begin with http:// or https://"),
        ({"GATEWAY_URL": "http://127.0.0.1:9", "GATEWAY_API_KEY_FILE": "{folder}/no"}, "cannot be read: "),
    ],
)
def test_without_a_gateway_or_a_key_it_says_what_to_set(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    given = {name: text.format(folder=tmp_path) for name, text in variables.items()}
    said = call("feed", GATEWAY_DATA=str(tmp_path), **given)
    assert said.code == 2
    assert message.format(folder=tmp_path) in said.notes


def test_a_wrong_key_ends_it_with_2_and_no_gateway_with_3(someone: Someone) -> None:
    said = someone.call("feed", GATEWAY_API_KEY="sk-wrong")
    assert (said.code, "401" in said.notes) == (2, True)
    said = someone.call("feed", "--patience", "0.3", GATEWAY_URL="http://127.0.0.1:9")
    assert (said.code, "Error: GET /v1/feed?limit=20: Connection refused" in said.notes) == (3, True)
    assert "trying again for up to 0.3 s" in said.notes


def test_ctrl_c_ends_it_with_130(someone: Someone, gate: Path) -> None:
    id = someone.call(*SUBMIT, f"hold={gate}").one()["id"]
    with someone.calling("watch", id) as watching:
        assert watching.stdout
        watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
    gate.touch()


@contextmanager
def later(gate: Path) -> Iterator[None]:
    """In the block, what is held there goes on after a moment, when somebody watches."""
    timer = threading.Timer(1.0, gate.touch)
    timer.start()
    try:
        yield
    finally:
        timer.join()
