"""Whisper itself: loaded once, given a piece of a recording, it answers with phrases.

Only where somebody speaks is it heard (`clip_timestamps`): in silence and noise Whisper makes up words. Each window of
30 s stands alone (`condition_on_previous_text` off): parts of a recording are heard side by side and must come out as
they would one after the other, and a loop in one window does not go on in the next.
"""

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from storage.errors import InvalidRequest
from storage.transcripts import UNKNOWN, Segment, Word
from workers.engines.transcription.asked import Asked
from workers.engines.transcription.reading import RATE
from workers.engines.transcription.speech import Region, regions
from workers.engines.transcription.splitting import Piece

WINDOW_S = 30.0
_BRIDGE_S = 3.0
_MOST_THREADS = 2
_PROMPT_TOKENS = 223  # half of what the decoder holds, less one. Source: openai/whisper, decoding.py
_STEPS = (0.0, 0.4, 0.8)
"""Where the model is unsure, it tries again at a higher temperature: fewer times than upstream, each takes seconds."""
_SURE = 0.5
_MANNERS = {"zh": "以下是普通话的句子。"}
"""What is before a language where the caller says nothing: of Chinese, that it is written in simplified characters."""


class Language(NamedTuple):
    code: str
    probability: float


class Ear:
    """A Whisper in a folder. `on_window` of a call is told each time the model begins a window."""

    def __init__(self, folder: Path) -> None:
        whisper: Any = import_module("faster_whisper")
        threads = max(1, min(_MOST_THREADS, int(os.environ.get("OMP_NUM_THREADS") or 1)))
        self._model: Any = whisper.WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )
        self._encode: Callable[[Any], Any] = self._model.encode
        self._model.encode = self._remembering
        self._last: tuple[Any, Any] | None = None
        self._on_window: Callable[[], None] = _nothing

    def check_language(self, code: str | None) -> None:
        """Raises InvalidRequest for a language that this model was not taught."""
        if code is not None and self._model.hf_tokenizer.token_to_id(f"<|{code}|>") is None:
            raise InvalidRequest(f"language {code!r} is not one the model knows", field="language")

    def language(self, piece: Piece, clips: list[Region]) -> Language:
        """What is spoken: of the first windows in which it is sure enough, else of the surest of three."""
        whisper: Any = import_module("faster_whisper.audio")
        features = self._model.feature_extractor(piece.samples)
        best = Language(UNKNOWN, 0.0)
        for clip in clips[:3]:
            start, end = (round(second * self._model.frames_per_second) for second in clip)
            end = min(end, start + round(WINDOW_S * self._model.frames_per_second), features.shape[-1] - 1)
            encoded = self._model.encode(whisper.pad_or_trim(features[:, start:end]))
            token, probability = self._model.model.detect_language(encoded)[0][0]
            if probability > best.probability:
                best = Language(token[2:-2], float(probability))
            if probability >= _SURE:
                break
        return best

    def phrases(self, piece: Piece, clips: list[Region], language: str, want: Asked) -> Iterator[Segment]:
        """What is said in `clips`, times in seconds of the recording `piece` is of. Ids are all 0."""
        found, _ = self._model.transcribe(
            piece.samples,
            language=language,
            task=want.task,
            clip_timestamps=[second for clip in clips for second in clip],
            hotwords=self._prompt(want.prompt or _MANNERS.get(language, "")),
            temperature=[min(1.0, want.temperature + step) for step in _STEPS if want.temperature + step <= 1.2],
            best_of=2,
            condition_on_previous_text=False,
            word_timestamps=want.word_timestamps,
        )
        for one in found:
            yield _segment(one, piece.start_s)

    def watched(self, on_window: Callable[[], None]) -> "Ear":
        self._on_window = on_window
        return self

    def _remembering(self, features: Any) -> Any:
        """The encoder, which takes most of the time, is not run twice for the window whose language was asked for."""
        self._on_window()
        if self._last and np.array_equal(self._last[0], features):
            return self._last[1]
        self._last = (features, self._encode(features))
        return self._last[1]

    def _prompt(self, prompt: str) -> str | None:
        """Its last words, if it is too long. Given as "hotwords", it is before every window, not only the first."""
        if not prompt.strip():
            return None
        tokenizer = self._model.hf_tokenizer
        kept = tokenizer.encode(prompt, add_special_tokens=False).ids[-_PROMPT_TOKENS + 1 :]
        return str(tokenizer.decode(kept))


def clips(piece: Piece, *, only_speech: bool) -> list[Region]:
    """What of a piece is to be heard: where somebody speaks, or all of it."""
    if not only_speech:
        return [Region(0.0, len(piece.samples) / RATE)]
    return regions(piece.heard, _BRIDGE_S, WINDOW_S)


def _segment(one: Any, start_s: float) -> Segment:
    def at(seconds: float) -> float:
        return round(start_s + float(seconds), 3)

    words = one.words and [Word(w.word, at(w.start), at(w.end), round(float(w.probability), 4)) for w in one.words]
    return Segment(
        id=0,
        seek=round(100 * start_s) + int(one.seek),
        start=at(one.start),
        end=at(one.end),
        text=one.text,
        tokens=list(one.tokens),
        temperature=float(one.temperature),
        avg_logprob=round(float(one.avg_logprob), 6),
        compression_ratio=round(float(one.compression_ratio), 6),
        no_speech_prob=round(float(one.no_speech_prob), 6),
        words=words,
    )


def _nothing() -> None:
    pass
