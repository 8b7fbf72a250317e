"""What was said in a recording: the shape both sides agree on, and the texts that clients ask for it in.

A transcript is stored as JSON (`Transcript`). Sources: shared/protocols/openai.md §6; whisper-asr.md §2, §4. Times are
seconds of the whole recording. A segment's text keeps the space it begins with, as Whisper's does; subtitles do not.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

_CODES = (
    "en english zh chinese de german es spanish ru russian ko korean fr french ja japanese pt portuguese tr turkish "
    "pl polish ca catalan nl dutch ar arabic sv swedish it italian id indonesian hi hindi fi finnish vi vietnamese "
    "he hebrew uk ukrainian el greek ms malay cs czech ro romanian da danish hu hungarian ta tamil no norwegian "
    "th thai ur urdu hr croatian bg bulgarian lt lithuanian la latin mi maori ml malayalam cy welsh sk slovak "
    "te telugu fa persian lv latvian bn bengali sr serbian az azerbaijani sl slovenian kn kannada et estonian "
    "mk macedonian br breton eu basque is icelandic hy armenian ne nepali mn mongolian bs bosnian kk kazakh "
    "sq albanian sw swahili gl galician mr marathi pa punjabi si sinhala km khmer sn shona yo yoruba so somali "
    "af afrikaans oc occitan ka georgian be belarusian tg tajik sd sindhi gu gujarati am amharic yi yiddish lo lao "
    "uz uzbek fo faroese ht haitian_creole ps pashto tk turkmen nn nynorsk mt maltese sa sanskrit lb luxembourgish "
    "my myanmar bo tibetan tl tagalog mg malagasy as assamese tt tatar haw hawaiian ln lingala ha hausa ba bashkir "
    "jw javanese su sundanese"
).split()
LANGUAGES = {code: name.replace("_", " ") for code, name in zip(_CODES[::2], _CODES[1::2], strict=True)}
"""Whisper's languages: code → English name. Source: openai/whisper, tokenizer.py (Cantonese came after `base`)."""

_ALIASES = (
    "burmese my valencian ca flemish nl haitian ht letzeburgesch lb pushto ps panjabi pa moldavian ro moldovan ro "
    "sinhalese si castilian es mandarin zh bokmål no filipino tl farsi fa jv jw nb no fil tl cmn zh iw he in id ji yi"
).split()
_NAMED = (
    {name: code for code, name in LANGUAGES.items()}
    | {code: code for code in LANGUAGES}
    | dict(zip(_ALIASES[::2], _ALIASES[1::2], strict=True))
)

UNKNOWN = "und"
"""The language of a recording in which nobody speaks. Source: ISO 639-2."""


class Word(msgspec.Struct, frozen=True):
    """One word, with its punctuation and the space before it; `probability` 0..1."""

    word: str
    start: float
    end: float
    probability: float


class Segment(msgspec.Struct, frozen=True):
    """A phrase. `seek`: where the window it was heard in begins, in hundredths of a second."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: list[int]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: list[Word] | None = None


class Transcript(msgspec.Struct, frozen=True):
    """All that was said. `language` is the one spoken, also where `task` is "translate" and the text is English."""

    text: str
    language: str
    language_name: str
    language_probability: float
    duration_s: float
    segments: list[Segment]
    task: str = "transcribe"


def parsed(data: bytes) -> Transcript:
    """Raises msgspec.ValidationError for what is no stored transcript."""
    return msgspec.json.decode(data, type=Transcript)


def language_code(named: str) -> str | None:
    """Whisper's code of a language given as a code ("en", "en-US") or by its English name; None if it has none."""
    wanted = named.strip().lower()
    return _NAMED.get(wanted) or _NAMED.get(wanted.replace("_", "-").partition("-")[0])


def language_name(code: str) -> str:
    """The English name of a code, in lower case; "unknown" if it has none."""
    return LANGUAGES.get(code, "unknown")


def openai_json(said: Transcript) -> bytes:
    return _encoded({"text": said.text, "usage": _usage(said)})


def openai_text(said: Transcript) -> str:
    return said.text + "\n"


def openai_srt(said: Transcript) -> str:
    return _srt(said.segments)


def openai_vtt(said: Transcript) -> str:
    """Hours always, unlike whisper-asr-webservice's."""
    return _vtt(said.segments, hours_always=True)


def openai_verbose_json(said: Transcript, granularities: Sequence[str] = ("segment",)) -> bytes:
    """`granularities`: "segment", "word" or both. A language is its name here; of a translation, the text's own."""
    language = "english" if said.task == "translate" else said.language_name
    told: dict[str, Any] = {"task": said.task, "language": language, "duration": said.duration_s, "text": said.text}
    if "word" in granularities:
        told["words"] = [
            {"word": one.word.strip(), "start": one.start, "end": one.end}
            for segment in said.segments
            for one in segment.words or ()
        ]
    if "segment" in granularities:
        told["segments"] = [_without_words(segment) for segment in said.segments]
    return _encoded({**told, "usage": _usage(said)})


def asr_txt(said: Transcript) -> str:
    return "".join(f"{segment.text.strip()}\n" for segment in said.segments)


def asr_srt(said: Transcript) -> str:
    return _srt(said.segments)


def asr_vtt(said: Transcript) -> str:
    """No hours below one hour."""
    return _vtt(said.segments, hours_always=False)


def asr_tsv(said: Transcript) -> str:
    """Times in whole milliseconds."""
    rows = (
        f"{round(1000 * one.start)}\t{round(1000 * one.end)}\t{_cue(one).replace(chr(9), ' ')}\n"
        for one in said.segments
    )
    return "start\tend\ttext\n" + "".join(rows)


def asr_json(said: Transcript) -> str:
    """As the service's engine faster_whisper writes it: a language is its code, words are null or a list, ASCII."""
    segments = [
        {**_without_words(one), "words": None if one.words is None else msgspec.to_builtins(one.words)}
        for one in said.segments
    ]
    return json.dumps({"language": said.language, "segments": segments, "text": said.text})


def _usage(said: Transcript) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(said.duration_s)}


def _without_words(segment: Segment) -> dict[str, Any]:
    told = msgspec.to_builtins(segment)
    del told["words"]
    return dict(told)


def _encoded(told: dict[str, Any]) -> bytes:
    return msgspec.json.encode(told)


def _srt(segments: Sequence[Segment]) -> str:
    return "".join(
        f"{number}\n{_clock(one.start, ',')} --> {_clock(one.end, ',')}\n{_cue(one)}\n\n"
        for number, one in enumerate(segments, 1)
    )


def _vtt(segments: Sequence[Segment], *, hours_always: bool) -> str:
    def clock(seconds: float) -> str:
        return _clock(seconds, ".", hours_always=hours_always)

    return "WEBVTT\n\n" + "".join(f"{clock(one.start)} --> {clock(one.end)}\n{_cue(one)}\n\n" for one in segments)


def _cue(segment: Segment) -> str:
    """On one line, and without the arrow that would begin another cue."""
    return " ".join(segment.text.split()).replace("-->", "->")


def _clock(seconds: float, point: str, *, hours_always: bool = True) -> str:
    minutes, millis = divmod(round(1000 * seconds), 60_000)
    hours, minutes = divmod(minutes, 60)
    before = f"{hours:02d}:" if hours or hours_always else ""
    return f"{before}{minutes:02d}:{millis // 1000:02d}{point}{millis % 1000:03d}"
