"""Cover art: the scene that a title names, or else its genre's, in the light that the words of the song name.

Not lettered: that is the caller's part.
"""

import msgspec
from PIL import Image

from workers.engines.image import sprites
from workers.engines.image.brief import Brief, Wanted, named, understand
from workers.engines.image.noise import generator
from workers.engines.image.paint import identity, paint
from workers.engines.image.vocabulary import COVERS

_SIDE = 560
"""Pixels that a cover is drawn with: what is larger is enlarged from it, and a song does not wait."""
_MOST = 2
_DARKER = {"day": "dusk", "sunrise": "dusk", "sunset": "dusk"}
_PASSING = {"abstract", "plain", "indoor"}
_BACKDROPS = ("blue", "teal", "purple", "orange", "pink")
_GROUNDS = {"plain", "indoor", "abstract", "space", "underwater"}


def draw(title: str, words: str, genre: str, seed: int, size: tuple[int, int], *, dark: bool = False) -> Image.Image:
    """A picture of this size. The same arguments give the same picture."""
    brief = scene(title, words, genre, seed, dark=dark)
    ratio = min(1.0, _SIDE / max(size))
    drawn = (round(size[0] * ratio), round(size[1] * ratio))
    image = paint(brief, identity(f"{title}\n{genre}", "", seed), drawn, lambda _: None).image
    return image if drawn == size else image.resize(size, Image.Resampling.BICUBIC)


def scene(title: str, words: str, genre: str, seed: int, *, dark: bool = False) -> Brief:
    """What the cover shows. `words` is what the song says: only where and when are taken of it, for a song names many
    things in passing."""
    scenes = [one for one in map(understand, COVERS[genre].split("|")) if len(_drawable(one)) == len(one.wanted)]
    own = scenes[int(generator(seed, "cover", title).integers(len(scenes)))]
    said = understand(title)
    said = msgspec.structs.replace(said, wanted=_drawable(said)[:_MOST])
    brief = own
    if said.wanted or named(title, "place"):
        # What stands before a plain ground is lost in a street; and a genre may have no land to stand on.
        its_own = named(title, "place") or said.places & _GROUNDS or own.places & _GROUNDS
        places = said.places if its_own else own.places
        brief = msgspec.structs.replace(own, wanted=said.wanted, places=places, land=said.land)
    elif not own.styles and (elsewhere := frozenset(named(words, "place")) - _PASSING):
        brief = msgspec.structs.replace(own, wanted=(), places=elsewhere)
    if "plain" in brief.places:  # a style needs something to work on, and so does the weather
        colours = said.colours or own.colours or (str(generator(seed, "backdrop").choice(_BACKDROPS)),)
        return msgspec.structs.replace(brief, weather=frozenset(), colours=colours, styles=())
    times = named(title, "time") or named(words, "time")
    time = times[0] if times else _DARKER.get(own.time, own.time) if dark else own.time
    if "ink" in own.styles or ("watercolour" in own.styles and time == "night"):
        time = own.time  # on white paper there is no night
    weather = frozenset(named(title, "weather")) or own.weather
    return msgspec.structs.replace(brief, time=time, weather=weather, colours=said.colours or own.colours)


def _drawable(brief: Brief) -> tuple[Wanted, ...]:
    """The subjects that will look like themselves: without sprites, those that our own shapes were made for."""
    return tuple(one for one in brief.wanted if sprites.installed() or one.subject.shape in one.subject.words)
