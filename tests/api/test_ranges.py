"""Which part of a file a request wants: RFC 9110, sections 13 and 14."""

from datetime import UTC, datetime

import pytest

from api.ranges import File, Span, Unsatisfiable, http_date, unchanged, wanted

FILE = File(1000, '"abc"', datetime(2026, 3, 1, 12, 0, 0, 700_000, UTC))
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
EARLIER, LATER = "Sun, 01 Mar 2026 11:59:59 GMT", "Sun, 01 Mar 2026 12:00:01 GMT"
NO_DATES = [
    "Sun, 01 Mar 2026 00:00:00 +99999999999999999",
    "Sun, 01 Mar 20260000000000000000 12:00:00 GMT",
    f"Sun, 01 Mar {'9' * 5000} 12:00:00 GMT",
    "Sun, 01 Mar 0001 00:00:00 +2359",
]


def span(file: File = FILE, **headers: str) -> Span | None:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return wanted(named.get, file)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-999", 0, 999),
        ("bytes=10-5000", 10, 999),
        ("bytes=990-", 990, 999),
        ("bytes=-10", 990, 999),
        ("bytes=-5000", 0, 999),
        ("Bytes = 5 - 9", 5, 9),
        ("bytes=0-" + "9" * 5000, 0, 999),
        ("bytes=-" + "9" * 5000, 0, 999),
        ("bytes=" + "0" * 5000 + "5-" + "0" * 5000 + "9", 5, 9),
    ],
)
def test_a_range_is_cut_to_the_file(text: str, first: int, last: int) -> None:
    found = span(range=text)
    assert found == Span(first, last)
    assert found.size_bytes == last - first + 1


@pytest.mark.parametrize(
    "text", ["bytes=1000-", "bytes=1000-1001", "bytes=5000-6000", "bytes=-0", f"bytes={'9' * 5000}-"]
)
def test_a_range_outside_the_file_cannot_be_had(text: str) -> None:
    with pytest.raises(Unsatisfiable):
        span(range=text)


def test_nothing_can_be_had_of_an_empty_file() -> None:
    for text in ("bytes=0-", "bytes=-5", "bytes=0-0"):
        with pytest.raises(Unsatisfiable):
            span(FILE._replace(size_bytes=0), range=text)


@pytest.mark.parametrize(
    "text", ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "items=0-5", "bytes=0-1,5-6", "bytes=a-b", "bytes=²-"]
)
def test_what_is_no_single_range_means_the_whole_file(text: str) -> None:
    assert span(range=text) is None


@pytest.mark.parametrize(
    ("condition", "same"),
    [
        ('"abc"', True),
        ('"other"', False),
        ('W/"abc"', False),
        (DATE, True),
        (EARLIER, False),
        (LATER, False),
        ("x", False),
        *((date, False) for date in NO_DATES),
    ],
)
def test_if_range_gives_the_part_only_of_the_very_same_file(condition: str, same: bool) -> None:
    assert (span(range="bytes=0-9", if_range=condition) is not None) == same


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({b"if-none-match": '"abc"'}, True),
        ({b"if-none-match": 'W/"abc"'}, True),
        ({b"if-none-match": '"x", "abc"'}, True),
        ({b"if-none-match": "*"}, True),
        ({b"if-none-match": '"x"'}, False),
        ({b"if-none-match": '"x"', b"if-modified-since": LATER}, False),
        ({b"if-modified-since": DATE}, True),
        ({b"if-modified-since": LATER}, True),
        ({b"if-modified-since": EARLIER}, False),
        ({b"if-modified-since": "yesterday"}, False),
        *(({b"if-modified-since": date}, False) for date in NO_DATES),
        ({}, False),
    ],
)
def test_a_clients_copy_is_good_or_not(headers: dict[bytes, str], same: bool) -> None:
    assert unchanged(headers.get, FILE) == same


def test_dates_are_written_as_http_writes_them() -> None:
    assert http_date(FILE.modified) == DATE
