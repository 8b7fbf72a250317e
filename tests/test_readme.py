"""README is true: its diagram is the state table, its commands exist, its links lead somewhere."""

import re
from pathlib import Path

from storage.job import NEXT, TERMINAL, Status

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def diagram() -> str:
    """The state table as README draws it."""
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    for status, after in NEXT.items():
        lines += [f"    {status} --> {target}" for target in Status if target in after]
    lines += [f"    {status} --> [*]" for status in Status if status in TERMINAL]
    return "\n".join(lines)


def test_the_diagram_is_the_state_table() -> None:
    drawn = re.search(r"```mermaid\n(.*?)\n```", README, re.DOTALL)
    assert drawn
    assert drawn[1] == diagram()


def test_every_make_target_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"\bmake (\w+)", README)) - {"and"}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_it_links_to_is_there() -> None:
    for page in (ROOT / "README.md", ROOT / "docs" / "api.md", ROOT / "docs" / "operating.md"):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
