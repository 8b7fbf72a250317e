"""docs/licences.md: up to date, and no GPL part for somebody who asked for no engine."""

import pytest

from docs.licences import PAGE, Row, UnknownTerms, ask, closure, licence, offenders, render, rows
from requirements.lock import Pin, lock_file, read_lock


def lock(text: str) -> list[Pin]:
    """A lock in one line a package: `name==version < who needs it, ...`."""
    lines = (line.split(" < ") for line in text.splitlines())
    return list(read_lock("".join(f"{pin}\n    # via {parents}\n" for pin, parents in lines)))


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == render(ask())


def test_every_locked_package_has_its_line_and_somebody_who_asked_for_it() -> None:
    table = ask()
    assert {row.name for row in table} == {pin.name for pin in read_lock(lock_file("run").read_text())}
    assert all(row.comes_by for row in table)


def test_the_gateway_itself_is_free_of_gpl_parts() -> None:
    assert offenders(ask()) == []


@pytest.mark.parametrize(
    ("terms", "comes_by", "refused"),
    [
        ("GPL-3.0-only", ("always",), True),
        ("MIT AND AGPL-3.0-or-later", ("embedded",), True),
        ("GPL-2.0-only", ("music", "embedded"), True),
        ("MIT AND GPL-2.0-only", ("music",), False),
        ("LGPL-2.1-or-later", ("always",), False),
        ("MIT", ("always",), False),
    ],
)
def test_copyleft_is_for_engines_only(terms: str, comes_by: tuple[str, ...], refused: bool) -> None:
    assert offenders([Row("synth", "1.0", terms, comes_by)]) == (["synth"] if refused else [])


def test_what_the_metadata_says_is_put_in_spdx_words() -> None:
    terms = {
        name: licence(name) for name in ("pydantic", "arq", "rich-click", "s3transfer", "markdown-it-py", "pathspec")
    }
    assert terms == {
        "pydantic": "MIT",  # by the modern field
        "arq": "MIT",  # by the old field
        "rich-click": "MIT",  # which here holds the whole text
        "s3transfer": "Apache-2.0",  # or a name that is not SPDX's
        "markdown-it-py": "MIT",  # by a classifier alone
        "pathspec": "MPL-2.0",
    }


def test_a_package_that_is_not_here_and_not_known_is_an_error() -> None:
    with pytest.raises(UnknownTerms, match="no-such-package"):
        licence("no-such-package")


def test_a_package_comes_by_whoever_needs_it_in_the_end() -> None:
    pins = lock("arq==1 < ours\nclick==2 < arq\nmido==3 < ours\npillow==4 < mido\npillow==5 < mido")
    table = {row.name: (row.version, row.comes_by) for row in rows(pins, {"always": ["arq"], "music": ["mido"]})}
    assert table["click"] == ("2", ("always",))
    assert table["pillow"] == ("4, 5", ("music",))


def test_packages_that_need_each_other_are_counted_once() -> None:
    assert closure(["a"], {"a": ["b"], "b": ["a", "c"]}) == {"a", "b", "c"}
