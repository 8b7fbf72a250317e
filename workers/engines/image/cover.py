"""Cover art: the scene that a title names, or else that its genre suggests. Not lettered: that is the caller's part."""

from PIL import Image

from workers.engines.image.brief import genre, understand
from workers.engines.image.paint import identity, paint
from workers.engines.image.vocabulary import GENRE_SCENES


def draw(title: str, tags: str, seed: int, side: int) -> Image.Image:
    """A square picture `side` pixels wide. The same words and seed give the same picture."""
    prompt = scene(title, tags)
    return paint(understand(prompt), identity(f"{title}\n{prompt}", "", seed), (side, side), lambda _: None).image


def scene(title: str, tags: str) -> str:
    """What the cover shows, in words."""
    named = understand(title)
    mood = GENRE_SCENES.get(genre(tags) or "", "")
    if named.wanted or (named.said and named.places - {"abstract"}):
        light = mood.rpartition(",")[2]  # of the genre, only its colour: the place is the title's own
        return f"{title}, {light}" if light else title
    return f"{mood}, {title}" if mood else f"{title}, {tags}"
