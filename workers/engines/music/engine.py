"""The music engine as the worker sees it: generate a clip, extend one, join a chain of extensions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from storage.errors import EngineFailed, InvalidRequest
from workers.engines.base import Artifact, Made, Report
from workers.engines.music import audio, cover, mix, synth, wordsmith
from workers.engines.music.arrange import Arranged, arrange
from workers.engines.music.lyrics import parse
from workers.engines.music.plan import RATE, VERSION, Plan, cut, from_data, to_json
from workers.engines.music.theory import key_name
from workers.engines.music.words import understand

LONGEST_SONG_S = 20 * 60
PEAKS_PER_S = 10


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
        return self._write(plan, cut_at, folder, report)

    def _write(self, plan: Plan, cut_at: int | None, folder: Path, report: Report) -> Made:
        if self._font is None:
            self.load()
        font = self._font
        if font is None:
            raise EngineFailed("No SoundFont is loaded.")
        progress = _Steady(report)
        movement = plan.movements[-1]
        song = folder / "audio.mp3"
        progress(0.01)
        chunks = mix.render(font, plan, plan.starts_at, lambda done: progress(0.02 + 0.68 * done))
        total = plan.samples - plan.starts_at
        comment = f"engine={self.name}; seed={movement.seed}; embedded"
        audio.encode_mp3(song, _counted(chunks, total, progress), RATE, title=plan.title, comment=comment)
        peaks = audio.check(song, plan.duration_s)
        progress(0.92)
        waveform = folder / "waveform.json"
        waveform.write_bytes(msgspec.json.encode({"version": 1, "peaks_per_s": PEAKS_PER_S, "peaks": peaks}))
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


class _Steady:
    """Progress that never falls."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._highest = 0.0

    def __call__(self, done: float) -> None:
        self._highest = min(1.0, max(self._highest, done))
        self._report(self._highest)
