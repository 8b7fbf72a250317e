"""A fake of whisper-asr-webservice, with the engine that the switch `engine` says: one recording at a time.

Source: shared/protocols/whisper-asr.md §1–§4. JSON comes as text/plain, all but the file is read from the query, and
what cannot be read is 500 with a plain text.
"""

import asyncio
import json
from typing import Any, ClassVar
from urllib.parse import quote

from aiohttp import web

from cli.fakes import sounds
from cli.fakes.family import Asked, Family, Refusal, Route
from cli.fakes.faults import FaultKind
from cli.fakes.sounds import Heard, segment
from cli.fakes.working import Work

_ENGINES = ("openai_whisper", "faster_whisper", "whisperx")
_OUTPUTS = ("txt", "vtt", "srt", "tsv", "json")
_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


class WhisperAsr(Family):
    """`pace_s` is the time of a recording."""

    name = "whisper_asr"
    needs_key = False
    refusals: ClassVar = {
        "session_expired": Refusal(401, {"detail": "Unauthorized"}),  # of a proxy: the service has no keys
        "busy": Refusal(429, {"detail": "Too Many Requests"}),
    }
    faults: ClassVar = {
        "engine": FaultKind("no fault: the engine that the service runs", "faster_whisper", _ENGINES),
        "old": FaultKind("a version of before 2023: `langauge_code`, and no confidence"),
        "subgen": FaultKind("fails as Subgen does, with 200 and JSON"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._work, self._turn = Work(self.world), asyncio.Lock()

    def advanced(self) -> None:
        self._stirring = asyncio.ensure_future(self._work.stir())

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/asr", "submit", self._asr, pays=True),
            Route("POST", "/detect-language", "submit", self._detect, pays=True),
            Route("GET", "/", "list", self._root),
            Route("GET", "/docs", "list", self._docs),
        ]

    async def _asr(self, asked: Asked) -> web.Response:
        query = asked.query
        words = _switch(query, "word_timestamps", default=False)
        said = await self._listened(asked)
        if self.world.faults.take("subgen", "submit"):
            return web.json_response({"status": "error", "message": "Failed to transcribe"})
        engine = self._engine()
        output = query.get("output", "txt")
        output = output if output in _OUTPUTS else "txt"
        text = json.dumps(_answer(said, engine, query, words=words)) if output == "json" else _text(said, output)
        headers = {
            "Asr-Engine": engine,
            "Content-Disposition": f'attachment; filename="{quote("audio_file")}.{output}"',
        }
        return web.Response(text=text, headers=headers)

    async def _detect(self, asked: Asked) -> dict[str, Any]:
        await self._listened(asked)
        if self.world.faults.take("old", "submit"):
            return {"detected_language": "english", "langauge_code": "en"}
        sure = 4.2e-7 if self._engine() == "openai_whisper" else 0.98
        return {"detected_language": "english", "language_code": "en", "confidence": sure}

    async def _listened(self, asked: Asked) -> Heard:
        encode = _switch(asked.query, "encode", default=True)
        files = [value for value in asked.form.get("audio_file", ()) if isinstance(value, bytes)]
        if not files:
            missing = {"type": "missing", "loc": ["body", "audio_file"], "msg": "Field required", "input": None}
            raise Refusal(422, {"detail": [missing]})
        async with self._turn:
            try:
                said = await asyncio.to_thread(sounds.heard, files[0], encode=encode)
            except sounds.NoSound as gone:
                raise Refusal(500, "Internal Server Error") from gone
            self._work.begin(self.world.pace_s)
            await self._work.end()
        return said

    def _engine(self) -> str:
        switch = self.world.faults.take("engine", "submit")
        return str(switch.value) if switch else _ENGINES[1]

    async def _root(self, _asked: Asked) -> web.Response:
        return web.Response(status=307, headers={"Location": "/docs"})

    async def _docs(self, _asked: Asked) -> web.Response:
        return web.Response(text="<!DOCTYPE html><title>Whisper ASR Webservice</title>", content_type="text/html")


def _switch(query: Any, name: str, *, default: bool) -> bool:
    """Raises Refusal for what is no switch."""
    text = str(query.get(name, default)).lower()
    if text not in _BOOLEANS:
        wrong = {"type": "bool_parsing", "loc": ["query", name], "msg": "Input should be a valid boolean"}
        raise Refusal(422, {"detail": [{**wrong, "input": text}]})
    return _BOOLEANS[text]


def _answer(said: Heard, engine: str, query: Any, *, words: bool) -> dict[str, Any]:
    """JSON as the engine writes it: whisperx has neither ids nor a text of the whole, and always words."""
    language = query.get("language") or ("en" if said.phrases else "nn")
    if engine == "whisperx":
        aligned: list[dict[str, Any]] = [
            {
                "start": phrase.start,
                "end": phrase.end,
                "text": phrase.text,
                "words": [
                    {"word": one.word.strip(), "start": one.start, "end": one.end, "score": 0.91}
                    for one in phrase.words
                ],
            }
            for phrase in said.phrases
        ]
        every = [word for segment in aligned for word in segment["words"]]
        return {"segments": aligned, "word_segments": every, "language": language}
    segments: list[dict[str, Any]] = [
        {
            **segment(number + (engine == "faster_whisper"), phrase),
            **({"words": _words(phrase)} if words else {"words": None} if engine == "faster_whisper" else {}),
        }
        for number, phrase in enumerate(said.phrases)
    ]
    if engine == "faster_whisper":
        return {"language": language, "segments": segments, "text": said.text}
    return {"text": said.text, "segments": segments, "language": language}


def _words(phrase: Any) -> list[dict[str, Any]]:
    return [{"word": one.word, "start": one.start, "end": one.end, "probability": 0.93} for one in phrase.words]


def _text(said: Heard, output: str) -> str:
    """Of the others, the ones that clients are seen to read: lines, and subtitles."""
    if output == "srt":
        return "".join(
            f"{number}\n{_clock(phrase.start)} --> {_clock(phrase.end)}\n{phrase.text.strip()}\n\n"
            for number, phrase in enumerate(said.phrases, 1)
        )
    if output == "vtt":
        return "WEBVTT\n\n" + "".join(
            f"{_clock(one.start)[3:].replace(',', '.')} --> {_clock(one.end)[3:].replace(',', '.')}\n"
            f"{one.text.strip()}\n\n"
            for one in said.phrases
        )
    if output == "tsv":
        rows = (f"{one.start * 1000:.0f}\t{one.end * 1000:.0f}\t{one.text.strip()}\n" for one in said.phrases)
        return "start\tend\ttext\n" + "".join(rows)
    return "".join(f"{phrase.text.strip()}\n" for phrase in said.phrases)


def _clock(seconds: float) -> str:
    minutes, millis = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{millis // 1000:02d},{millis % 1000:03d}"
