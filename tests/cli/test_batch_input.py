"""A batch's file, read and judged before anything is sent: `cli/batch_records.py`, `cli/batch_input.py`."""

import json
import re
import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from api.batches.lines import MAX_LINE_BYTES
from cli.batch_input import Prepared, prepare
from cli.batch_source import Defaults

MUSIC = Defaults("music.generate")


def read(text: str | bytes, format: str = "jsonl", defaults: Defaults = MUSIC) -> tuple[Prepared, list[dict[str, Any]]]:
    """What is made of a file, and the lines that are to be sent."""
    data, to = text if isinstance(text, bytes) else text.encode(), BytesIO()
    prepared = prepare(BytesIO(data), format, defaults, to)
    assert prepared.size_bytes == len(to.getvalue())
    lines = [json.loads(line) for line in to.getvalue().splitlines()]
    assert prepared.lines == len(prepared.numbers) == len(lines)
    return prepared, lines


def faults(text: str | bytes, format: str = "jsonl", defaults: Defaults = MUSIC) -> list[tuple[int, str]]:
    return [tuple(fault) for fault in read(text, format, defaults)[0].faults]


def test_plain_fields_become_submissions_of_the_kind_that_is_given_for_all() -> None:
    text = (
        '{"prompt": "[Verse]", "tags": "folk"}\n{"prompt": "x", "custom_id": "b", "model": "chirp-v4", "priority": 2}\n'
    )
    prepared, lines = read(text)
    assert lines == [
        {"custom_id": "line-1", "kind": "music.generate", "input": {"prompt": "[Verse]", "tags": "folk"}},
        {"custom_id": "b", "kind": "music.generate", "model": "chirp-v4", "priority": 2, "input": {"prompt": "x"}},
    ]
    assert (prepared.endpoint, prepared.form, prepared.kinds) == ("/v1/jobs", "jobs", {"music.generate": 2})


def test_submissions_are_kept_and_lack_nothing_that_was_given_for_all() -> None:
    line = {"kind": "music.concat", "input": {"clip_id": "c"}, "metadata": {"n": 1}, "keep_s": 60, "custom_id": "x"}
    _, lines = read(json.dumps(line), defaults=Defaults("music.generate", "chirp-v4", 3))
    assert lines == [{**line, "model": "chirp-v4", "priority": 3}]


def test_requests_of_openai_s_form_are_sent_as_they_are() -> None:
    line = '{"custom_id":"a","method":"POST","url":"/v1/suno/api/generate/v2/","body":{"tags":"x", "n":1.50}}'
    prepared, lines = read(line + "\n", defaults=Defaults())
    assert lines == [json.loads(line)]
    assert (prepared.endpoint, prepared.form) == ("/v1/suno/api/generate/v2", "openai")
    assert prepared.size_bytes == len(line) + 1


def test_a_request_to_our_own_jobs_is_one_of_openai_s_all_the_same() -> None:
    body = {"kind": "music.generate", "input": {}}
    prepared, _ = read(json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/jobs", "body": body}))
    assert (prepared.endpoint, prepared.form) == ("/v1/jobs", "openai")


def test_marks_line_ends_and_blank_lines_do_not_matter_and_lines_are_counted_as_an_editor_does() -> None:
    text = b'\xef\xbb\xbf{"tags": "a"}\r\n\r\n   \n{"tags": "\xc3\xbc"}'
    prepared, lines = read(text)
    assert [line["input"]["tags"] for line in lines] == ["a", "ü"]
    assert [line["custom_id"] for line in lines] == ["line-1", "line-4"]
    assert list(prepared.numbers) == [1, 4]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"tags": ', "not JSON: "),
        ('{"tags": NaN}', "not JSON: "),
        (b'{"tags": "\xff"}', "not JSON: "),
        ("[]", "an object is wanted"),
        ('{"kind": "poem", "input": {}}', "there is no kind 'poem'; there are: music.generate"),
        ('{"title": "%s"}' % ("x" * 101), "title: String should have at most 100 characters"),
        ('{"kind": "music.generate", "input": {}, "prio": 1}', "prio: Extra inputs are not permitted"),
        ('{"tags": "x", "priority": 11}', "priority: Input should be less than or equal to 9"),
        ('{"custom_id": "", "tags": "x"}', "custom_id: a text of 1 to 512 characters is wanted"),
        ('{"custom_id": 7, "tags": "x"}', "custom_id: a text of 1 to 512 characters is wanted"),
        ('{"custom_id": "first", "tags": "x"}', "custom_id: 'first' is there twice"),
        ('{"custom_id": "b", "method": "GET", "url": "/v1/jobs", "body": {}}', "a request is "),
        ('{"custom_id": "b", "method": "POST", "url": "/v1/jobs", "body": {}}', "requests (with method, url and body)"),
        ('{"tags": "%s"}' % ("x" * MAX_LINE_BYTES), "the line is longer than the limit of 1000000 bytes"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong_and_those_after_it_are_read(line: str | bytes, message: str) -> None:
    raw = line if isinstance(line, bytes) else line.encode()
    prepared, lines = read(b'{"custom_id": "first", "tags": "a"}\n' + raw + b'\n{"tags": "z"}\n')
    assert [fault.number for fault in prepared.faults] == [2]
    assert prepared.faults[0].message.startswith(message)
    assert [line["custom_id"] for line in lines] == ["first", "line-3"]


def test_without_a_kind_each_line_must_have_one() -> None:
    message = "there is no kind: give each line one, or all of them by --kind"
    assert faults('{"tags": "x"}\n{"kind": "music.generate", "tags": "x"}', defaults=Defaults()) == [(1, message)]


def test_a_batch_has_one_endpoint() -> None:
    line = '{"custom_id":"%s","method":"POST","url":"%s","body":{}}\n'
    text = line % ("a", "/v1/suno/api/generate/v2") + line % ("b", "/v1/suno/api/generate/concat/v2/")
    (found,) = faults(text)
    assert found == (
        2,
        "url: this line is for /v1/suno/api/generate/concat/v2, but those before it for /v1/suno/api/generate/v2",
    )


def test_fields_that_a_kind_does_not_have_are_told() -> None:
    assert read('{"promt": "x"}\n{"promt": "y"}')[0].unknown == {"promt (music.generate)": 2}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_s_cells_become_what_their_fields_are(delimiter: str) -> None:
    header = ["custom_id", "title", "make_instrumental", "continue_at", "metadata.album", "priority", "prompt"]
    rows = [
        header,
        ["a", "1984", "yes", "12", "One", "3", '"[Verse]\nHe said ""hi"", twice"'],
        ["b"] + [""] * 5 + ["x"],
    ]
    text = "\ufeff" + "".join(delimiter.join(row) + "\r\n" for row in rows)
    prepared, lines = read(text, "csv")
    assert lines == [
        {
            "custom_id": "a",
            "kind": "music.generate",
            "priority": 3,
            "metadata": {"album": "One"},
            "input": {
                "title": "1984",
                "make_instrumental": True,
                "continue_at": 12.0,
                "prompt": '[Verse]\nHe said "hi", twice',
            },
        },
        {"custom_id": "b", "kind": "music.generate", "input": {"prompt": "x"}},
    ]
    assert list(prepared.numbers) == [2, 4], "the cell with a line break makes its row two lines long"


@pytest.mark.parametrize(
    ("text", "number", "message"),
    [
        ("", 1, "the file is empty: its first row must name the columns"),
        ("tags,\na,b\n", 1, "column 2 has no name"),
        ("tags,tags\n", 1, "column 'tags' is there twice"),
        ("tags,title\na\n", 2, "there are 1 cells, but 2 columns"),
        ('tags,title\n"a\nb",c\nd,e,f\n', 4, "there are 3 cells, but 2 columns"),
        ('tags\n"a\nb', 2, "not CSV: unexpected end of data"),
        (b"tags\na\n\xff\n", 3, "not UTF-8"),
        (
            "make_instrumental\nmaybe\n",
            2,
            "make_instrumental: Input should be a valid boolean, unable to interpret input",
        ),
        ("priority,tags\nhigh,x\n", 2, "priority: a whole number is wanted"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(text: str | bytes, number: int, message: str) -> None:
    assert (number, message) in faults(text, "csv")


def test_the_same_lines_are_the_same_input_however_they_are_written_and_others_are_not() -> None:
    digests = {
        name: read(text, format, defaults)[0].sha256
        for name, text, format, defaults in [
            ("jsonl", '{"custom_id":"a","tags":"x"}', "jsonl", MUSIC),
            ("spaces", '{ "custom_id": "a", "tags": "x" }\r\n', "jsonl", MUSIC),
            ("table", "custom_id,tags\na,x\n", "csv", MUSIC),
            ("another", '{"custom_id":"a","tags":"y"}', "jsonl", MUSIC),
            ("model", '{"custom_id":"a","tags":"x"}', "jsonl", Defaults("music.generate", "chirp-v4")),
        ]
    }
    assert digests["jsonl"] == digests["spaces"] == digests["table"]
    assert len(set(digests.values())) == 3


def test_ids_that_differ_in_case_only_are_noticed() -> None:
    assert read('{"custom_id": "Song"}\n{"custom_id": "song"}')[0].alike
    assert not read('{"custom_id": "Song"}\n{"custom_id": "Other"}')[0].alike


def test_a_large_file_takes_little_memory() -> None:
    class Sink(BytesIO):
        def write(self, data: Any) -> int:
            return len(data)

    line = json.dumps({"tags": "x" * 900, "prompt": "y" * 1_000}).encode() + b"\n"
    read(line)  # what is loaded once
    source = BytesIO(line * 5_000)
    tracemalloc.start()
    prepared = prepare(source, "jsonl", MUSIC, Sink())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert prepared.lines == 5_000
    assert most < 3_000_000, "of a file of 10 MB"


def test_the_documentation_s_examples_are_good() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    lines, table = (re.search(rf"```{name}\n(.*?)```", page, re.DOTALL) for name in ("json", "csv"))
    assert lines
    assert table
    for line in lines[1].splitlines():
        assert read(line)[0].faulty == 0, line
    prepared, (first, _) = read(table[1], "csv")
    assert (prepared.lines, prepared.faulty, prepared.unknown) == (2, 0, {})
    assert first["metadata"] == {"album": "One"}
