"""The folder of a batch, as those find it who come after a kill: `cli/batch_folder.py`."""

import json
from pathlib import Path

import pytest

from cli.batch_folder import ERRORS, RESULTS, Folder, Landed
from cli.client import Refused


def landed(at: int, *files: dict[str, object], of: str = RESULTS) -> Landed:
    return Landed(of, at, f"id-{at}", list(files), None)


def begun(path: Path) -> None:
    with Folder(path) as folder:
        assert folder.is_new
        folder.begin(name="x", input={"sha256": "s", "lines": 2})


def test_a_folder_keeps_what_it_is_for_and_what_is_here(tmp_path: Path) -> None:
    begun(tmp_path)
    with Folder(tmp_path) as folder:
        folder.note(batch="batch_1")
        (folder.media / "a").touch()
        folder.land(landed(0, {"path": "media/a", "size_bytes": 0, "sha256": ""}))
        folder.land(landed(7, of=ERRORS))
        folder.save()
    with Folder(tmp_path) as folder:
        assert (folder.is_new, folder.head["batch"], folder.head["input"]["lines"]) == (False, "batch_1", 2)
        assert folder.landed == {RESULTS: {0}, ERRORS: {7}}
        assert "lines" not in folder.head
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert [(line["in"], line["at"]) for line in told["lines"]] == [("results.jsonl", 0), ("errors.jsonl", 7)]


def test_its_own_id_is_another_in_each_folder(tmp_path: Path) -> None:
    begun(tmp_path / "a")
    begun(tmp_path / "b")
    ids = {json.loads((tmp_path / name / "manifest.json").read_text())["id"] for name in "ab"}
    assert len(ids) == 2


def test_lines_that_lack_a_file_are_done_over(tmp_path: Path) -> None:
    begun(tmp_path)
    with Folder(tmp_path) as folder:
        (folder.media / "here").touch()
        here = {"path": "media/here", "size_bytes": 0, "sha256": ""}
        folder.land(landed(0, here))
        folder.land(landed(1, here, {"path": "media/refused", "error": "410"}))
        folder.land(landed(2, here, {"path": "media/lost", "size_bytes": 0, "sha256": ""}))
        assert folder.landed[RESULTS] == {0, 1, 2}
    with Folder(tmp_path) as folder:
        assert folder.landed[RESULTS] == {0}
        folder.land(landed(1, here))
        folder.save()
    told = json.loads((tmp_path / "manifest.json").read_text())
    assert [line["at"] for line in told["lines"]] == [0, 1]


def test_a_note_that_was_cut_short_counts_for_nothing_and_harms_no_other(tmp_path: Path) -> None:
    begun(tmp_path)
    with Folder(tmp_path) as folder:
        folder.land(landed(0))
    with (tmp_path / ".resume" / "lines.jsonl").open("a") as file:
        file.write('{"of": "results", "at": 1, "cus')
    with Folder(tmp_path) as folder:
        assert folder.landed[RESULTS] == {0}
        folder.land(landed(1))
    with Folder(tmp_path) as folder:
        assert folder.landed[RESULTS] == {0, 1}


def test_a_manifest_that_was_being_written_is_the_one_before(tmp_path: Path) -> None:
    begun(tmp_path)
    (tmp_path / "manifest.json.new").write_text('{"object": "batch.man')
    with Folder(tmp_path) as folder:
        assert folder.head["name"] == "x"
        folder.save()
    assert not (tmp_path / "manifest.json.new").exists()


def test_a_folder_that_is_given_up_is_as_new(tmp_path: Path) -> None:
    begun(tmp_path)
    with Folder(tmp_path) as folder:
        folder.land(landed(0))
        folder.forget()
        assert folder.is_new
    with Folder(tmp_path) as folder:
        assert folder.is_new
        assert folder.landed[RESULTS] == set()


def test_only_one_at_a_time_works_on_it(tmp_path: Path) -> None:
    with Folder(tmp_path), pytest.raises(Refused, match="another ai-gateway works on"), Folder(tmp_path):
        pass
    begun(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", '{"object": "other", "lines": [\n]}', "not JSON"])
def test_a_manifest_of_somebody_else_s_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(Refused, match=r"is no manifest of ours: use another folder"), Folder(tmp_path):
        pass
    assert (tmp_path / "manifest.json").read_text() == text


def test_a_place_that_can_be_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be used: Not a directory"), Folder(tmp_path / "file" / "out"):
        pass
