"""What each kind of installation gets, pinned and hashed: `make lock` writes it, `make check` compares.

One file per kind, each complete in itself, so that `pip install --require-hashes -r` never has to choose a version.
The widest is made first and constrains the others: a package has one version in this repository. A lock names no
index, so that whatever index or mirror the machine is set up for serves it.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


class Kind(NamedTuple):
    """The optional dependencies and the dependency groups of pyproject.toml that one kind of installation has.

    An addition is other versions of packages of the widest, in a folder beside it: what its groups name, and what those
    need that the widest has not. One that stands apart is an environment of somebody else's program: what its groups
    name, and all that those need, in whatever versions they like.
    """

    extras: tuple[str, ...]
    groups: tuple[str, ...] = ("build",)
    addition: bool = False
    apart: bool = False


KINDS = {
    "dev": Kind(("chat", "embedded", "fast", "image", "music", "singing", "speech", "transcription"), ("build", "dev")),
    "run": Kind(("chat", "embedded", "image", "music", "singing", "speech", "transcription")),  # `make run`
    "music": Kind(("embedded", "music")),  # `make demo`
    "engines": Kind(
        ("chat", "fast", "image", "music", "singing", "speech", "transcription")
    ),  # the image: its Redis and S3 are services of their own
    "serve": Kind(("fast",)),  # the API, and workers that only call upstreams
    "openai-1": Kind((), ("openai-1",), addition=True),
    "whisper-server": Kind((), ("whisper-server",), addition=True),
    "litellm": Kind((), ("litellm",), apart=True),  # a peer of the benchmarks (bench/peers/installed.py)
}
WIDEST = "dev"
# Litestar asks for these to invent examples for its OpenAPI pages, and imports them only then. We write our own, and
# spare 14 MB. The last is for Pythons that run in a browser.
LEFT_OUT = ("polyfactory", "faker", "tzdata", "httpx2-jsfetch")


class Pin(NamedTuple):
    """One package of a lock: `needed_by` are canonical names of packages, or of this project."""

    requirement: Requirement
    hashes: int
    needed_by: frozenset[str]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")


def lock_file(kind: str) -> Path:
    return ROOT / "requirements" / f"{kind}.txt"


def read_project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def read_lock(text: str) -> Iterator[Pin]:
    """The pins of a lock as uv writes it: a requirement, its hashes, then who needs it, in indented lines."""
    requirement, hashes, needed_by = "", 0, set[str]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("    --hash="):
            hashes += 1
        elif by := re.match(r"    # (?:via |  )(\w[\w.-]*)", line):
            needed_by.add(canonicalize_name(by[1]))
        elif not line.lstrip().startswith("#"):
            if requirement:
                yield Pin(Requirement(requirement), hashes, frozenset(needed_by))
            requirement, hashes, needed_by = line.removesuffix("\\").strip(), 0, set()


def declared(project: dict[str, Any], kind: Kind) -> dict[str, Requirement]:
    """What pyproject.toml asks for in this kind of installation, by canonical name."""
    wanted = [] if kind.addition or kind.apart else [*project["project"]["dependencies"]]
    for extra in kind.extras:
        wanted += project["project"]["optional-dependencies"][extra]
    for group in kind.groups:
        wanted += project["dependency-groups"][group]
    return {canonicalize_name(r.name): r for r in map(Requirement, wanted)}


def disagreements(project: dict[str, Any], kind: Kind, lock: str) -> Iterator[str]:
    """Where a lock is not what pyproject.toml would give, as far as can be told without asking an index."""
    if "://" in lock or any(line.startswith("-") for line in lock.splitlines()):
        yield "it names an index, or sets an option: those are for the machine to choose"
        return
    pins = list(read_lock(lock))
    wanted = declared(project, kind)
    own = canonicalize_name(project["project"]["name"])
    present = {own} | {pin.name for pin in pins}
    for name in wanted.keys() - present:
        yield f"{name} is asked for and not locked"
    for pin in pins:
        if not pin.requirement.specifier or not str(pin.requirement.specifier).startswith("=="):
            yield f"{pin.name} is not pinned"
        if not pin.hashes:
            yield f"{pin.name} has no hash"
        if pin.needed_by.isdisjoint(present):
            yield f"{pin.name} is needed by nothing else that is locked"
        if (own in pin.needed_by) != (pin.name in wanted):
            yield f"{pin.name} is locked as a dependency of ours, or as none, and pyproject.toml says otherwise"
        if pin.name in wanted and not wanted[pin.name].specifier.contains(pin.version, prereleases=True):
            yield f"{pin.name} {pin.version} is not {wanted[pin.name].specifier}"


def write(kind: str, uv_options: list[str]) -> None:
    """Resolve one kind anew; versions that still fit stay, unless `uv_options` say --upgrade."""
    asked = KINDS[kind]
    command = ["uv", "pip", "compile", "--output-file", str(lock_file(kind).relative_to(ROOT))]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--only-binary", ":all:", "--quiet"]
    command += ["--custom-compile-command", "make lock"]
    for extra in asked.extras:
        command += ["--extra", extra]
    for group in asked.groups:
        command += ["--group", group]
    for name in LEFT_OUT:
        command += ["--no-emit-package", name]
    beside = [*shared(kind)] if asked.addition else []
    if asked.addition:
        command += ["--constraint", "/dev/stdin"]
        for pin in beside:
            command += ["--no-emit-package", pin.name]
    elif not asked.apart:
        command.append("pyproject.toml")
        if kind != WIDEST:
            command += ["--constraint", str(lock_file(WIDEST).relative_to(ROOT))]
    constraints = "\n".join(str(pin.requirement) for pin in beside)
    subprocess.run([*command, *uv_options], cwd=ROOT, check=True, input=constraints, text=True)


def shared(addition: str) -> Iterator[Pin]:
    """What an addition finds in the widest installation: all but the packages that it is there to replace."""
    replaced = declared(read_project(), KINDS[addition])
    return (pin for pin in read_lock(lock_file(WIDEST).read_text()) if pin.name not in replaced)


def check() -> int:
    """Print every disagreement; the exit code says whether there was one."""
    project = read_project()
    faults = [
        f"requirements/{kind}.txt: {fault}"
        for kind in KINDS
        for fault in disagreements(project, KINDS[kind], lock_file(kind).read_text())
    ]
    print("\n".join(faults) + "\nRun `make lock`." if faults else "The locks agree with pyproject.toml.")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the locks, or check them against pyproject.toml.")
    parser.add_argument("--check", action="store_true", help="only compare, without asking an index")
    arguments, uv_options = parser.parse_known_args()
    if arguments.check:
        return check()
    for kind in KINDS:
        write(kind, uv_options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
