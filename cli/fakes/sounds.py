"""Sound for fakes: a tone a word, in real files; and ears that find out how long a recording is, and make up its words.

What is made up depends on the recording alone, so that it is the same at every run.
"""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

RATE = 24_000
_WORD_S, _GAP_S = 0.22, 0.06
_PCM_RATE = 16_000
_SILENT = 0.002
_EACH_S = 0.4  # of a recording: one word
_WORDS = (
    "the old harbour wakes before any of its boats and every gull above the pier knows why nobody answers when "
    "morning comes in slowly over grey water then bells ring twice and somebody laughs far out beyond the light"
).split()


class NoSound(ValueError):
    """What should be a recording cannot be read."""


class Spoken(NamedTuple):
    """One word, with the space before it; times in seconds."""

    word: str
    start: float
    end: float


class Phrase(NamedTuple):
    words: tuple[Spoken, ...]

    @property
    def text(self) -> str:
        return "".join(one.word for one in self.words)

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def end(self) -> float:
        return self.words[-1].end


def segment(number: int, phrase: Phrase) -> dict[str, Any]:
    """A phrase as Whisper's JSON tells it, in OpenAI's API and in whisper-asr-webservice alike."""
    return {
        "id": number,
        "seek": 0,
        "start": phrase.start,
        "end": phrase.end,
        "text": phrase.text,
        "tokens": [50364, 440, 50464],
        "temperature": 0.0,
        "avg_logprob": -0.25,
        "compression_ratio": 1.2,
        "no_speech_prob": 0.01,
    }


class Heard(NamedTuple):
    """What a recording says. No phrases: nobody speaks."""

    duration_s: float
    phrases: tuple[Phrase, ...]

    @property
    def text(self) -> str:
        return "".join(phrase.text for phrase in self.phrases)


def speech(text: str, voice: str, format: str, speed: float = 1.0) -> tuple[bytes, str]:
    """A text as a row of tones, each voice at a pitch of its own: the file, and its content type."""
    import numpy as np

    from workers.engines.speech.encoding import write

    base = 110 + sha256(voice.encode()).digest()[0]
    length = round(_WORD_S / speed * RATE)
    times = np.arange(length) / RATE
    fade = np.minimum(1.0, np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.01 * RATE))
    gap = np.zeros(round(_GAP_S / speed * RATE))
    pieces = []
    for word in text.split() or [text]:
        pitch = base * 2 ** (sha256(word.encode()).digest()[0] % 12 / 12)
        pieces += [np.sin(2 * np.pi * pitch * times) * fade * 0.3, gap]
    samples = (np.concatenate(pieces) * 32767).astype(np.int16)
    with TemporaryDirectory() as folder:
        made = write(samples, Path(folder), format)
        return Path(made.path).read_bytes(), made.content_type


def heard(data: bytes, *, encode: bool = True) -> Heard:
    """What a file says, or PCM without a head if not `encode`. Raises NoSound."""
    duration_s, loudest = _measured(data) if encode else _measured_pcm(data)
    if loudest < _SILENT:
        return Heard(duration_s, ())
    dice = sha256(data).digest()
    count = max(1, int(duration_s / _EACH_S))
    spoken = [_WORDS[(dice[n % len(dice)] + 7 * n) % len(_WORDS)] for n in range(count)]
    phrases, at = [], 0
    while at < count:
        upto = min(count, at + 5 + dice[at % len(dice)] % 4)
        said = [spoken[at].capitalize(), *spoken[at + 1 : upto]]
        said[-1] += "."
        phrases.append(Phrase(tuple(_timed(word, at + n, duration_s / count) for n, word in enumerate(said))))
        at = upto
    return Heard(duration_s, tuple(phrases))


def _timed(word: str, number: int, each_s: float) -> Spoken:
    return Spoken(f" {word}", round(number * each_s, 3), round((number + 0.9) * each_s, 3))


def _measured(data: bytes) -> tuple[float, float]:
    """Seconds, and the largest sample."""
    import soundfile

    try:
        samples, rate = soundfile.read(BytesIO(data), dtype="float32")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise NoSound from error
    if not len(samples):
        raise NoSound
    return round(len(samples) / rate, 3), float(abs(samples).max())


def _measured_pcm(data: bytes) -> tuple[float, float]:
    import numpy as np

    samples = np.frombuffer(data[: len(data) // 2 * 2], "<i2")
    if not len(samples):
        raise NoSound
    return round(len(samples) / _PCM_RATE, 3), float(np.abs(samples.astype(np.float32)).max()) / 32768
