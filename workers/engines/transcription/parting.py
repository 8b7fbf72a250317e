"""A long recording in parts that can be heard side by side: small files, cut in pauses, made while it is read."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from workers.engines.base import Artifact, Made, Report
from workers.engines.transcription.asked import Asked
from workers.engines.transcription.loudness import Loudness
from workers.engines.transcription.progress import Progress
from workers.engines.transcription.reading import RATE, Samples, sound
from workers.engines.transcription.splitting import pieces

_BLOCK = 4096


def split(want: Asked, folder: Path, report: Report) -> Made:
    """Artifacts "part-0", "part-1", ...; metadata {"parts": [{"start_s", "end_s"}, ...], "duration"}. Each part is
    transcribed with its `start_s` as `offset_s`, and the results are stitched."""
    progress = Progress(want, report)
    artifacts, told = [], []
    end, loudness = want.start_s, Loudness(want)
    for number, piece in enumerate(loudness.watched(pieces(_watched(want, progress), want.part_s))):
        path = folder / f"part-{number:04d}.flac"
        _write(path, piece.samples)
        start, end = want.start_s + piece.start_s, want.start_s + piece.end_s
        artifacts.append(Artifact(f"part-{number}", str(path), "audio/flac", duration_s=round(end - start, 3)))
        told.append({"start_s": round(start, 3), "end_s": round(end, 3)})
    loudness.check()
    report(1.0)
    return Made(artifacts, {"engine": "splitter", "parts": told, "duration": round(end - want.start_s, 3)})


def _watched(want: Asked, progress: Progress) -> Any:
    second = want.start_s
    for block in sound(want.file, encode=want.encode, start_s=want.start_s, end_s=want.end_s):
        yield block
        second += len(block) / RATE
        progress.reached(second)


def _write(path: Path, samples: Samples) -> None:
    av: Any = import_module("av")

    with av.open(str(path), "w", format="flac") as container:
        stream: Any = container.add_stream("flac", rate=RATE, layout="mono")
        whole = np.asarray(np.clip(samples, -1, 1) * 32767, np.int16)
        for at in range(0, len(whole), _BLOCK):
            frame = av.AudioFrame.from_ndarray(whole[None, at : at + _BLOCK], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
