"""The music engine as the worker sees it: generate a clip, extend one, join a chain of extensions."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from storage.errors import EngineFailed, InvalidRequest
from workers.engines.base import Artifact, Made, Report
from workers.engines.music import audio, cover, mix, synth, wordsmith
from workers.engines.music.arrange import Arranged, arrange
from workers.engines.music.lyrics import parse
from workers.engines.music.plan import RATE, VERSION, Plan, cut, from_data, to_json
from workers.engines.music.theory import key_name
from workers.engines.music.vocals import speaking, track
from workers.engines.music.vocals.cast import cast
from workers.engines.music.vocals.credits import credited
from workers.engines.music.vocals.track import Recordings
from workers.engines.music.words import understand

LONGEST_SONG_S = 20 * 60


class Music:
    """Composes songs. One item per call; nothing but the SoundFont is kept between calls."""

    name = "composer"

    def __init__(self) -> None:
        self._font: bytes | None = None

    def load(self) -> None:
        self._font = synth.soundfont()

    def unload(self) -> None:
        self._font = None

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        """Make one clip. The task's kind is music.generate, music.extend or music.concat; see the package."""
        progress = _Steady(report)
        plan, cut_at = planned(task)
        progress(0.01)
        plan, recordings, done = _spoken(plan, progress)
        return self._write(plan, recordings, cut_at, folder, _Steady(lambda part: progress(done + (1 - done) * part)))

    def _write(self, plan: Plan, recordings: Recordings, cut_at: int | None, folder: Path, progress: "_Steady") -> Made:
        if self._font is None:
            self.load()
        font = self._font
        if font is None:
            raise EngineFailed("No SoundFont is loaded.")
        movement = plan.movements[-1]
        song = folder / "audio.mp3"
        chunks = mix.render(font, plan, plan.starts_at, lambda done: progress(0.02 + 0.68 * done), recordings)
        total = plan.samples - plan.starts_at
        comment = f"engine={self.name}; seed={movement.seed}; embedded"
        audio.encode_mp3(song, _counted(chunks, total, progress), RATE, title=plan.title, comment=comment)
        peaks = audio.check(song, plan.duration_s)
        progress(0.92)
        waveform = folder / "waveform.json"
        waveform.write_bytes(msgspec.json.encode({"version": 1, "peaks_per_s": audio.PEAKS_PER_S, "peaks": peaks}))
        (folder / "plan.json").write_bytes(to_json(plan))
        covers = cover.write(plan, folder)
        progress(1.0)
        return Made(
            artifacts=[
                Artifact("main", str(song), "audio/mpeg", duration_s=plan.duration_s),
                *covers,
                Artifact("waveform", str(waveform), "application/json"),
                Artifact("plan", str(folder / "plan.json"), "application/json"),
            ],
            metadata=_metadata(self.name, plan, cut_at),
        )


_TEXTS = ("prompt", "tags", "title", "gpt_description_prompt", "negative_tags")


class _Asked(msgspec.Struct, frozen=True):
    """The part of a task that a caller wrote."""

    request: Mapping[str, Any]
    seed: int

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> "_Asked":
        request, seed = task.get("request"), task.get("seed")
        if not isinstance(request, Mapping):
            raise InvalidRequest("The request must be an object.", field="request")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InvalidRequest("The seed must be a whole number.", field="seed")
        for name in _TEXTS:
            if not isinstance(request.get(name, ""), str | None):
                raise InvalidRequest(f"{name} must be a string.", field=name)
        return cls(request, seed)

    @property
    def cleaned(self) -> dict[str, Any]:
        return {**self.request, **{name: self.text(name) for name in _TEXTS}}

    def text(self, name: str) -> str:
        """A field, without what no file could hold: half a surrogate pair becomes a question mark."""
        return (self.request.get(name) or "").strip().encode(errors="replace").decode()

    def words(self, instrumental: bool) -> str:
        """The lyrics given, or written from the description if there are none."""
        given, description = self.text("prompt"), self.text("gpt_description_prompt")
        return given if given or instrumental or not description else wordsmith.lyrics(description, self.seed)


class _Steady:
    """Progress that never falls."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._highest = 0.0

    def __call__(self, done: float) -> None:
        self._highest = min(1.0, max(self._highest, done))
        self._report(self._highest)


_SPEAKING = 0.6
"""The share of the work that speaking is, where a song has lines to speak."""


def _spoken(plan: Plan, progress: Report) -> tuple[Plan, Recordings, float]:
    """The recordings that the plan is sung from, and the share of the work that is done with them.

    The plan comes back with the lead instrument for lines that cannot be sung here.
    """
    first = mix.first_heard(plan, plan.starts_at)
    lines = track.lines_of(plan, first)
    if not lines:
        return plan, {}, 0.0
    if why := speaking.missing():
        return track.played(plan, first, {}, why), {}, 0.0
    recordings = speaking.recorded(lines, lambda part: progress(0.01 + (_SPEAKING - 0.01) * part))
    return track.played(plan, first, recordings, "the voice could not say it"), recordings, _SPEAKING


def planned(task: Mapping[str, Any]) -> tuple[Plan, int | None]:
    """What a task will sound like, and the first line of its lyrics that did not fit, if any."""
    match task.get("kind"):
        case "music.generate":
            plan, cut_at = _composed(task)
        case "music.extend":
            plan, cut_at = _extended(task)
        case "music.concat":
            plan, cut_at = msgspec.structs.replace(from_data(task.get("source")), starts_at=0), None
        case kind:
            raise InvalidRequest(f"The composer does not know the kind {kind!r}.", field="kind")
    if plan.samples > LONGEST_SONG_S * RATE:
        raise InvalidRequest(f"A song may last {LONGEST_SONG_S // 60} minutes at most.", field="continue_at")
    return plan, cut_at


def _composed(task: Mapping[str, Any]) -> tuple[Plan, int | None]:
    asked = _Asked.of(task)
    brief = understand(asked.cleaned, asked.seed)
    words = asked.words(brief.instrumental)
    blocks = parse(words)
    read = cast([] if brief.instrumental else blocks, asked.cleaned, brief.genre, None)
    made = arrange(brief, blocks, read, asked.seed, None, fresh=True)
    tags = asked.text("tags") or brief.tags
    heard = "" if brief.instrumental else words
    title = asked.text("title") or wordsmith.title(
        asked.text("gpt_description_prompt") or asked.text("tags"), _hook(made), brief.genre, asked.seed
    )
    movement = msgspec.structs.replace(made.movement, lyrics=heard, tags=tags)
    return Plan(VERSION, title, tags, asked.text("negative_tags"), [movement]), made.cut_at_line


def _extended(task: Mapping[str, Any]) -> tuple[Plan, int | None]:
    asked = _Asked.of(task)
    source = from_data(task.get("source"))
    at = _cut_at(asked.request.get("continue_at"), source)
    kept = cut(source, at)
    last = kept[-1]
    told = {
        **asked.cleaned,
        "tags": asked.text("tags") or ("" if asked.text("gpt_description_prompt") else last.tags),
        "negative_tags": asked.text("negative_tags") or source.negative_tags,
    }
    brief = understand(told, asked.seed)
    if not brief.named_genre:
        brief = msgspec.structs.replace(brief, genre=last.genre)
    words = asked.words(brief.instrumental) or ("" if brief.instrumental else _again(last.lyrics))
    blocks = parse(words)
    read = cast([] if brief.instrumental else blocks, told, brief.genre, last)
    made = arrange(brief, blocks, read, asked.seed, last, fresh=last.play == last.bars)
    tags = told["tags"] or brief.tags
    movement = msgspec.structs.replace(made.movement, lyrics="" if brief.instrumental else words, tags=tags)
    return (
        Plan(VERSION, asked.text("title") or source.title, tags, told["negative_tags"], [*kept, movement], at),
        made.cut_at_line,
    )


def _cut_at(asked: object, source: Plan) -> int:
    """The sample of the song at which an extension begins; `continue_at` counts from the start of the source clip."""
    if asked is None:
        return source.samples
    limit = f"continue_at must be above 0 and at most {source.duration_s:.3f}, the length of the source in seconds."
    if isinstance(asked, bool) or not isinstance(asked, int | float) or not 0 < asked <= source.duration_s + 0.01:
        raise InvalidRequest(limit, field="continue_at")
    return max(source.starts_at + 1, min(source.samples, source.starts_at + round(asked * RATE)))


def _again(lyrics: str) -> str:
    """What a song goes on with when nobody says: its last verse and its chorus."""
    blocks = [block for block in parse(lyrics) if block.lines]
    chosen = [[block for block in blocks if block.kind == kind][-1:] for kind in ("verse", "chorus")]
    picked = [block for found in chosen for block in found] or blocks[-2:]
    return "\n\n".join(
        "\n".join([f"[{block.label or block.kind.title()}]", *(words for _, words in block.lines)]) for block in picked
    )


def _hook(made: Arranged) -> list[str]:
    """The line a song is remembered by: the first of its chorus, else its first."""
    sung = [section for section in made.movement.sections if section.lines]
    sung.sort(key=lambda section: section.kind != "chorus")
    return [line.text for line in sung[0].lines] if sung else []


def _counted(chunks: Iterator[NDArray[np.int16]], total: int, progress: Report) -> Iterator[NDArray[np.int16]]:
    """The same chunks; what has been encoded of them is reported as it goes."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        progress(0.3 + 0.58 * done / total)


def _metadata(engine: str, plan: Plan, cut_at: int | None) -> dict[str, Any]:
    movement = plan.movements[-1]
    whole = plan.starts_at == 0
    heard = plan.movements if whole else plan.movements[-1:]
    words = [part.lyrics for part in heard if part.lyrics]
    return {
        "title": plan.title,
        "prompt": "\n\n".join(words),
        "tags": plan.tags,
        "duration_s": round(plan.duration_s, 6),
        "seed": movement.seed,
        "genre": movement.genre,
        "bpm": round(movement.bpm, 1),
        "key": key_name(movement.key, movement.mode),
        "engine": engine,
        **credited(heard),
        "embedded": True,
        **({"lyrics_cut_at_line": cut_at} if cut_at is not None else {}),
    }
