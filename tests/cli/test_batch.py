"""`ai-gateway batch …`, on a whole gateway. What kills do to it: `test_batch_kills.py`."""

import asyncio
import json
import os
import signal
import subprocess
from collections import Counter
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.cli.callers import Someone, call
from tests.cli.sketch import SIZES
from tests.waiting import until

KIND = ["--kind", "music.generate"]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """Three songs, the last of which fails."""
    return write(tmp_path, '{"title": "One"}', '{"title": "Two", "custom_id": "b/2"}', '{"title": "3", "fail_all": 1}')


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write(tmp_path, '{"title": "One"}', '{"title": "Two"}')


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def write(folder: Path, *lines: str) -> Path:
    file = folder / "prompts.jsonl"
    file.write_text("".join(line + "\n" for line in lines))
    return file


def results(out: Path, name: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in (out / f"{name}.jsonl").read_text().splitlines()]
    assert len(lines) == len({line["custom_id"] for line in lines})
    return {line["custom_id"]: line for line in lines}


def until_there(file: Path, running: "subprocess.Popen[str]") -> None:
    def look() -> bool:
        assert running.poll() is None, running.communicate()
        return file.exists()

    asyncio.run(until(look, f"{file.name} is there", limit_s=60))


def manifest(out: Path) -> Any:
    return json.loads((out / "manifest.json").read_text())


def test_results_errors_media_and_a_manifest_of_them_are_in_the_folder(
    someone: Someone, prompts: Path, out: Path
) -> None:
    batch = someone.call("batch", "submit", prompts, *KIND, "--wait", "--out", out).one(code=1)
    assert (batch["status"], batch["request_counts"]) == ("completed", {"total": 3, "completed": 2, "failed": 1})
    assert results(out, "results").keys() == {"line-1", "b/2"}
    assert results(out, "errors").keys() == {"line-3"}
    suffixes = ["mp3", "jpeg", "jpeg", "mp3", "jpeg", "jpeg"]
    assert {file.name: file.stat().st_size for file in (out / "media").iterdir()} == {
        f"{name}-{number}.{suffix}": size
        for name in ("line-1", "b_2-72e3cde162")
        for number, (suffix, size) in enumerate(zip(suffixes, SIZES, strict=True), start=1)
    }
    told = manifest(out)
    assert (told["batch"], told["status"], told["input"]["lines"]) == (batch["id"], "completed", 3)
    assert told["results"] == {"file": "results.jsonl", "offset": (out / "results.jsonl").stat().st_size}
    assert {line["custom_id"]: (line["status"], len(line["files"])) for line in told["lines"]} == {
        "line-1": ("succeeded", 6),
        "b/2": ("succeeded", 6),
        "line-3": ("failed", 0),
    }
    (error,) = (line["error"] for line in told["lines"] if line["status"] == "failed")
    assert error == "engine_failed"


def test_the_same_again_submits_and_fetches_nothing(someone: Someone, good: Path, out: Path) -> None:
    words = ["batch", "submit", good, *KIND, "--wait", "--out", out]
    first = someone.call(*words)
    before = {file: file.stat().st_mtime_ns for file in out.glob("media/*")}
    again = someone.call(*words)
    assert again.one()["id"] == first.one()["id"]
    assert f"2 results in {out}, 0 new files" in again.notes
    assert {file: file.stat().st_mtime_ns for file in out.glob("media/*")} == before
    assert len(someone.call("feed").lines()) == 2


def test_a_file_that_was_lost_is_fetched_again_and_no_other(someone: Someone, good: Path, out: Path) -> None:
    words = ["batch", "submit", good, *KIND, "--wait", "--out", out]
    someone.call(*words)
    lost, changed = out / "media" / "line-1-1.mp3", out / "media" / "line-2-1.mp3"
    whole = lost.read_bytes()
    lost.unlink()
    changed.write_bytes(b"cut by its owner")
    assert f"2 results in {out}, 1 new file" in someone.call(*words).notes
    assert (lost.read_bytes(), changed.read_bytes()) == (whole, b"cut by its owner")


def test_a_table_becomes_the_same_batch_as_its_lines(someone: Someone, good: Path, tmp_path: Path, out: Path) -> None:
    table = tmp_path / "prompts.csv"
    table.write_text("custom_id,title\nline-1,One\nline-2,Two\n")
    submitted = someone.call("batch", "submit", good, *KIND, "--out", out)
    again = someone.call("batch", "submit", table, *KIND, "--out", out)
    assert (submitted.code, again.code) == (0, 0)
    assert again.out == submitted.out
    assert submitted.out.startswith("batch_")


def test_a_folder_of_another_input_is_refused(someone: Someone, good: Path, out: Path, tmp_path: Path) -> None:
    someone.call("batch", "submit", good, *KIND, "--out", out)
    other = tmp_path / "other.jsonl"
    other.write_text('{"title": "Another"}')
    said = someone.call("batch", "submit", other, *KIND, "--out", out)
    assert said.code == 2
    assert f"{out} is for another input ({good}): use another folder" in said.notes
    said = someone.call("batch", "submit", good, *KIND, "--model", "chirp-v4", "--out", out)
    assert (said.code, "is for another input" in said.notes) == (2, True)


@pytest.mark.parametrize("name", ["results.jsonl", "manifest.json"])
def test_a_folder_of_somebody_else_s_is_refused(someone: Someone, good: Path, out: Path, name: str) -> None:
    out.mkdir()
    (out / name).write_text('{"a": 1}\n')
    said = someone.call("batch", "submit", good, *KIND, "--wait", "--out", out)
    assert (said.code, "use another folder" in said.notes) == (1, True)
    assert (out / name).read_text() == '{"a": 1}\n'
    assert not someone.call("feed").lines()


def test_two_do_not_work_on_one_folder(someone: Someone, tmp_path: Path, out: Path) -> None:
    gate = tmp_path / "gate"
    held = write(tmp_path, json.dumps({"title": "One", "hold": str(gate)}))
    with someone.calling("batch", "submit", held, *KIND, "--wait", "--out", out) as first:
        until_there(out / "manifest.json", first)
        said = someone.call("batch", "submit", held, *KIND, "--wait", "--out", out)
        assert (said.code, f"another ai-gateway works on {out}" in said.notes) == (1, True)
        first.send_signal(signal.SIGINT)
        _, notes = first.communicate(timeout=30)
        assert first.returncode == 130
    gate.touch()
    if "goes on without us" in notes:
        assert "The same command again brings in the rest" in notes
    assert someone.call("batch", "submit", held, *KIND, "--wait", "--out", out).one()["status"] == "completed"
    assert len(someone.call("feed").lines()) == 1


def test_requests_of_openai_s_form_go_to_their_endpoint(someone: Someone, tmp_path: Path, out: Path) -> None:
    url = "/v1/suno/api/generate/v2/"
    lines = [
        json.dumps({"custom_id": f"s{number}", "method": "POST", "url": url, "body": {"title": f"{number}"}})
        for number in range(2)
    ]
    file = write(tmp_path, *lines)
    dry = someone.call("batch", "submit", file, "--dry-run").one()
    assert (dry["lines"], dry["errors"]) == (2, [])
    batch = someone.call("batch", "submit", file, "--wait", "--out", out).one()
    assert batch["endpoint"] == url.rstrip("/")
    clips = results(out, "results")["s1"]["response"]["body"]["clips"]
    assert [clip["status"] for clip in clips] == ["complete", "complete"]
    assert Counter(file.name.partition("-")[0] for file in (out / "media").iterdir()) == {"s0": 6, "s1": 6}


def test_media_that_cannot_be_had_are_told_and_asked_for_again(someone: Someone, tmp_path: Path, out: Path) -> None:
    """A clip has a link to its cover from the start; this engine then makes none."""
    body = {"title": "One", "bare": 1}
    line = {"custom_id": "s", "method": "POST", "url": "/v1/suno/api/generate/v2", "body": body}
    words = ["batch", "submit", write(tmp_path, json.dumps(line)), "--wait", "--out", out]
    for new in (2, 0):
        said = someone.call(*words)
        assert (said.code, f"1 result in {out}, {new} new files" in said.notes) == (1, True)
        assert said.notes.endswith("; 4 could not be had\n")
    (told,) = manifest(out)["lines"]
    assert sorted("error" in file for file in told["files"]) == [False, False, True, True, True, True]


def test_a_bad_line_is_named_and_nothing_is_submitted(someone: Someone, tmp_path: Path, out: Path) -> None:
    file = write(tmp_path, '{"title": "One"}', "", '{"title": ', '{"title": "%s"}' % ("x" * 101))
    said = someone.call("batch", "submit", file, *KIND, "--wait", "--out", out)
    assert said.code == 2
    first, second, last = said.notes.splitlines()
    assert first.startswith(f"{file}:3: not JSON: ")
    assert second == f"{file}:4: title: String should have at most 100 characters"
    assert last == "nothing was submitted"
    assert not out.exists()
    assert not someone.call("feed").lines()


def test_a_line_that_the_gateway_alone_can_judge_is_named_and_the_folder_is_free_again(
    someone: Someone, tmp_path: Path, good: Path, out: Path
) -> None:
    text = good.read_text()
    file = write(tmp_path, '{"title": "One"}', "", '{"kind": "music.extend", "continue_clip_id": "none"}')
    message = f"{file}:3: input.continue_clip_id: there is no such clip"
    dry = someone.call("batch", "submit", file, *KIND, "--dry-run").one(code=2)
    assert dry["errors"] == [{"line": 3, "message": "input.continue_clip_id: there is no such clip"}]
    for where in ([], ["--out", out]):
        said = someone.call("batch", "submit", file, *KIND, "--wait", *where)
        assert (said.code, message in said.notes) == (2, True)
    assert not someone.call("feed").lines()
    file.write_text(text)
    assert someone.call("batch", "submit", file, *KIND, "--wait", "--out", out).one()["status"] == "completed"


def test_a_dry_run_counts_lines_and_kinds_and_needs_no_gateway(someone: Someone, good: Path, tmp_path: Path) -> None:
    counted = {"object": "batch.dry_run", "lines": 2, "kinds": {"music.generate": 2}, "errors": []}
    assert someone.call("batch", "submit", good, *KIND, "--dry-run").one() == counted
    alone = call("batch", "submit", good, *KIND, "--dry-run", GATEWAY_DATA=str(tmp_path / "none"))
    assert alone.one() == counted
    assert alone.notes == "checked here only: no gateway was named, and none runs here\n"
    assert not someone.call("feed").lines()


def test_standard_input_is_a_file_too(someone: Someone, good: Path, out: Path) -> None:
    words = ["batch", "submit", "-", *KIND, "--out", out]
    first, again = (someone.call(*words, input=good.read_text()) for _ in range(2))
    assert first.out == again.out
    assert someone.call("batch", "status", first.out.strip()).one()["metadata"] == {"name": "standard input"}
    table = someone.call("batch", "submit", "-", "--format", "csv", *KIND, "--dry-run", input="title\nOne\n")
    assert table.one()["lines"] == 1


def test_a_pipe_with_a_name_is_a_file_too(someone: Someone, good: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(good.read_bytes()))
    writer.start()
    id = someone.call("batch", "submit", pipe, *KIND).out.strip()
    writer.join()
    assert someone.call("batch", "results", id, "--wait").code == 0


def test_without_a_folder_it_prints_the_id_and_what_it_makes_can_be_had_later(
    someone: Someone, prompts: Path, out: Path
) -> None:
    submitted = someone.call("batch", "submit", prompts, *KIND, "--idempotency-key", "k")
    assert someone.call("batch", "submit", prompts, *KIND, "--idempotency-key", "k").out == submitted.out
    id = submitted.out.strip()
    batch = someone.call("batch", "results", id, "--wait", "--out", out).one(code=1)
    assert batch["id"] == id
    assert len([*(out / "media").iterdir()]) == 12
    printed = someone.call("batch", "results", id).lines(code=1)
    assert {line["custom_id"] for line in printed} == {"line-1", "b/2", "line-3"}
    other = someone.call("batch", "submit", prompts, *KIND, "--name", "another").out.strip()
    said = someone.call("batch", "results", other, "--out", out)
    assert (said.code, "is for another batch" in said.notes) == (2, True)


def test_a_canceled_batch_keeps_what_is_done_and_ends_it_with_1(someone: Someone, tmp_path: Path, out: Path) -> None:
    held = [json.dumps({"title": f"{number}", "hold": str(tmp_path / "gate")}) for number in range(3)]
    file = write(tmp_path, '{"title": "free"}', *held)
    id = someone.call("batch", "submit", file, *KIND, "--out", out).out.strip()
    with someone.calling("batch", "submit", file, *KIND, "--wait", "--out", out) as waiting:
        until_there(out / "results.jsonl", waiting)
        assert someone.call("batch", "cancel", id).one()["status"] in ("cancelling", "cancelled")
        told, _ = waiting.communicate(timeout=60)
        assert waiting.returncode == 1
    assert json.loads(told)["status"] == "cancelled"
    assert results(out, "results").keys() == {"line-1"}
    assert results(out, "errors").keys() == {"line-2", "line-3", "line-4"}
    assert {line.get("error") for line in manifest(out)["lines"]} == {None, "batch_cancelled"}
    (tmp_path / "gate").touch()


def test_a_person_sees_a_bar_and_what_came_of_it(someone: Someone, prompts: Path, out: Path) -> None:
    code, screen = someone.seen("batch", "submit", prompts, *KIND, "--wait", "--out", out)
    assert code == 1
    assert "━" in screen
    assert "3/3  done 2  failed 1  running 0" in screen
    assert "completed: 3 lines, 2 done, 1 failed" in screen
    assert f"3 results in {out}, 12 new files, 8.0 MB" in screen


def test_a_gateway_that_is_away_ends_it_with_3_and_the_same_again_goes_on(
    someone: Someone, good: Path, out: Path
) -> None:
    words = ["batch", "submit", good, *KIND, "--wait", "--out", out]
    said = someone.call(*words, "--patience", "0.2", GATEWAY_URL="http://127.0.0.1:9")
    assert said.code == 3
    assert "Connection refused; trying again for up to 0.2 s" in said.notes
    assert someone.call(*words).one()["status"] == "completed"
