"""The transcription engine as the worker sees it: transcribe, translate, detect and split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from storage.errors import EngineFailed
from storage.transcripts import UNKNOWN, Segment, Transcript, language_name
from workers.engines.base import Artifact, Made, Report
from workers.engines.transcription import weights
from workers.engines.transcription.asked import Asked, asked
from workers.engines.transcription.checks import in_order, without_loops
from workers.engines.transcription.hearing import Ear, Language, clips
from workers.engines.transcription.loudness import Loudness
from workers.engines.transcription.parting import split
from workers.engines.transcription.progress import Progress, length_s
from workers.engines.transcription.reading import sound
from workers.engines.transcription.speech import spoken
from workers.engines.transcription.splitting import Piece, pieces
from workers.engines.transcription.stitching import facts, text_of
from workers.engines.transcription.timing import trimmed

NAME = "whisper-base"
_PIECE_S = 90.0
_DETECTS_WITHIN_S = 600.0
_DIVIDED = 0.1  # of the progress: the parts follow


class Transcription:
    """Writes down what is said. One file per call; the model stays loaded between calls."""

    name = "transcription"

    def __init__(self) -> None:
        self._ear: Ear | None = None

    def load(self) -> None:
        """Raises EngineFailed if the packages or the weights are not installed."""
        if not weights.can_read():
            raise EngineFailed("transcription needs packages that are not here: install ai-gateway[transcription]")
        self._ear = Ear(weights.folder())

    def unload(self) -> None:
        self._ear = None

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """Hear `inputs["file"]` as `request` says (asked.py lists its fields).

        transcribe, translate: a Transcript, as JSON. detect: {language, language_name, probability}, as JSON. split,
        and a transcription of what is longer than `divide_from_s`: the recording in parts of about `part_s` seconds, as
        FLAC, and where each begins in metadata["parts"]. A recording in which nobody speaks has an empty text and the
        language "und"; one without any sound is refused.
        """
        want = asked(task)
        if want.task == "split":
            return split(want, folder, report)
        if want.divide_from_s is not None and want.task != "detect" and length_s(want) > want.divide_from_s:
            return split(want, folder, lambda done: report(_DIVIDED * done))
        if self._ear is None:
            self.load()
        assert self._ear is not None  # noqa: S101 - load has seen to it
        self._ear.check_language(want.language)
        if want.task == "detect":
            return _detected(self._ear, want, folder, report)
        return _transcribed(self._ear, want, folder, report)


def _transcribed(ear: Ear, want: Asked, folder: Path, report: Report) -> Made:
    progress = Progress(want, report)
    language = Language(want.language, 1.0) if want.language else Language(UNKNOWN, 0.0)
    found: list[Segment] = []
    first, last = want.offset_s + want.start_s, want.offset_s + want.start_s
    loudness = Loudness(want)
    for piece in loudness.watched(_pieces(want, _PIECE_S)):
        last = want.offset_s + piece.end_s
        heard = clips(piece, only_speech=want.vad_filter)
        progress.piece(piece)
        ear.watched(progress.window)
        if heard and language.code == UNKNOWN:
            language = ear.language(piece, heard)
        if heard:
            here = piece._replace(start_s=want.offset_s + piece.start_s)
            voices = spoken(piece.heard, here.start_s) if want.vad_filter else []
            for one in ear.phrases(here, heard, language.code, want):
                found.append(trimmed(one, voices))
                progress.reached(one.end - want.offset_s)
    loudness.check()
    kept, loops = without_loops(found)
    segments = in_order(kept, first, last)
    said = Transcript(
        text=text_of(segments),
        language=language.code,
        language_name=language_name(language.code),
        language_probability=round(language.probability, 4),
        duration_s=round(last - first, 3),
        segments=segments,
        task=want.task,
    )
    return _written(said, facts(said, loops), folder, report)


def _detected(ear: Ear, want: Asked, folder: Path, report: Report) -> Made:
    """By the first half minute in which somebody speaks."""
    language = Language(UNKNOWN, 0.0)
    loudness = Loudness(want)
    for piece in loudness.watched(_pieces(want, 30.0)):
        heard = clips(piece, only_speech=want.vad_filter)
        if heard:
            language = ear.watched(lambda: report(0.5)).language(piece, heard)
        if heard or piece.end_s > want.start_s + _DETECTS_WITHIN_S:
            break
        report(0.0)
    loudness.check()
    told = {
        "language": language.code,
        "language_name": language_name(language.code),
        "probability": round(language.probability, 4),
    }
    return _written(told, told, folder, report)


def _pieces(want: Asked, target_s: float) -> Any:
    stream = sound(want.file, encode=want.encode, start_s=want.start_s, end_s=want.end_s)
    for piece in pieces(stream, target_s):
        yield Piece(want.start_s + piece.start_s, piece.samples, piece.heard)


def _written(answer: Any, facts: dict[str, Any], folder: Path, report: Report) -> Made:
    path = folder / "transcript.json"
    path.write_bytes(msgspec.json.encode(answer))
    report(1.0)
    artifact = Artifact("main", str(path), "application/json")
    return Made([artifact], {"engine": NAME, "embedded": True, **facts})
