"""Clips that several tests listen to, each made once."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.workers.engines.music.clips import LYRICS, Clip, Make, extend, generate
from workers.engines.music import audio
from workers.engines.music.engine import Music


@pytest.fixture(autouse=True, scope="session")
def played() -> Iterator[None]:
    """The lead instrument plays what is not asked to be sung: the voice would take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEWAY_SINGING", "off")
        yield


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    engine = Music()
    engine.load()

    def made(task: dict[str, Any]) -> Clip:
        folder = tmp_path_factory.mktemp("clip")
        progress: list[float] = []
        result = engine.generate(task, folder, progress.append)
        samples, _ = audio.decode(folder / "audio.mp3")
        return Clip(result, samples, json.loads((folder / "plan.json").read_bytes()), folder, progress)

    return made


@pytest.fixture(scope="session")
def song(make: Make) -> Clip:
    return make(generate(7, prompt=LYRICS, tags="pop, piano, 140 bpm", title="Alive Tonight", make_instrumental=False))


@pytest.fixture(scope="session")
def other_take(make: Make) -> Clip:
    return make(generate(8, prompt=LYRICS, tags="pop, piano, 140 bpm", title="Alive Tonight", make_instrumental=False))


@pytest.fixture(scope="session")
def extension(make: Make, song: Clip) -> Clip:
    """Cut in the middle of a bar."""
    return make(
        extend(song, 21.234, 9, prompt="[Verse 2]\nEvery little dream that I let go\nComes to find me", tags="")
    )


@pytest.fixture(scope="session")
def second_extension(make: Make, extension: Clip) -> Clip:
    """An extension of an extension, in other clothes."""
    return make(extend(extension, 11.5, 10, prompt="", tags="calm ambient, instrumental, 30 seconds"))


@pytest.fixture(scope="session")
def whole(make: Make, second_extension: Clip) -> Clip:
    return make({"kind": "music.concat", "source": second_extension.plan})


@pytest.fixture(scope="session")
def house(make: Make) -> Clip:
    return make(generate(3, gpt_description_prompt="fast house music, 32 seconds", make_instrumental=True))


@pytest.fixture(scope="session")
def nocturne(make: Make) -> Clip:
    return make(generate(3, gpt_description_prompt="ambient sleep music, 32 seconds", make_instrumental=True))


@pytest.fixture(scope="session")
def chinese(make: Make) -> Clip:
    words = "[主歌]\n街角的灯为你亮着\n我的心事只有你懂得\n[副歌]\n风里有你的声音\n月光落满我的心"
    return make(generate(5, prompt=words, tags="古风, 古筝, 悲伤", title="月光", make_instrumental=False))
