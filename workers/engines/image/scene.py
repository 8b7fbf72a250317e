"""The picture while it is being painted: its pixels, its light, and where its horizon is."""

from typing import NamedTuple

import numpy as np

from workers.engines.image.brief import Brief
from workers.engines.image.noise import Field, fractal, generator, line
from workers.engines.image.vocabulary import RGB

Colour = Field
GROUNDLESS = frozenset({"space", "underwater", "plain", "abstract", "indoor"})


def rgb(red: float, green: float, blue: float) -> Colour:
    return np.array((red, green, blue), np.float32)


class Light(NamedTuple):
    """How bright and of what colour everything is at a time of day."""

    top: Colour
    middle: Colour
    low: Colour
    sun: Colour
    shine: float  # what the sun adds around itself
    ambient: float  # how much of its own colour a thing shows
    sun_height: float  # part of the sky above the horizon


LIGHTS = {
    "day": Light(rgb(.17, .42, .80), rgb(.46, .69, .92), rgb(.82, .91, .97), rgb(1, .97, .86), .42, 1.0, .74),
    "sunrise": Light(rgb(.34, .46, .74), rgb(.86, .70, .70), rgb(1, .86, .62), rgb(1, .86, .60), .52, .82, .20),
    "sunset": Light(rgb(.15, .15, .38), rgb(.70, .30, .36), rgb(1, .64, .28), rgb(1, .70, .34), .58, .68, .16),
    "dusk": Light(rgb(.11, .13, .33), rgb(.27, .21, .42), rgb(.80, .46, .44), rgb(1, .72, .60), .22, .46, .06),
    "night": Light(rgb(.012, .022, .075), rgb(.04, .07, .18), rgb(.10, .15, .30), rgb(.90, .93, 1), .20, .36, .70),
}  # fmt: skip


class Scene:
    """A picture `width` by `height`, painted from back to front into `pixels` (float, 0..1, a little above is fine).

    `detail` is 0..1; `strength` says how far asked-for colours go.
    """

    def __init__(self, brief: Brief, seed: str, width: int, height: int, detail: float, strength: float) -> None:
        self.brief, self.seed, self.width, self.height = brief, seed, width, height
        self.detail, self.strength = detail, strength
        self.light = tinted(LIGHTS[brief.time], brief, strength)
        shape = self.rng("horizon")
        self.horizon = round(height * shape.uniform(0.54, 0.62))
        self.sun_x = round(width * float(shape.choice([shape.uniform(0.14, 0.40), shape.uniform(0.60, 0.86)])))
        self.sun_y = round(self.horizon * (1 - self.light.sun_height * shape.uniform(0.85, 1.1)))
        self.rows = np.arange(height, dtype=np.float32)[:, None]
        self.columns = np.arange(width, dtype=np.float32)[None, :]
        self.pixels: Field = np.zeros((height, width, 3), np.float32)

    def rng(self, *part: object) -> np.random.Generator:
        """The randomness of one part of the picture: it does not move when another part is left out."""
        return generator(self.seed, *part)

    def noise(self, part: str, cells: float, octaves: int = 6, stretch: float = 1.0) -> Field:
        fewer = octaves - round((1 - self.detail) * 4)
        rng = self.rng("noise", part)
        return fractal(self.width, self.height, rng, cells=cells, octaves=max(1, fewer), stretch=stretch)

    def profile(self, part: str, cells: float, octaves: int = 7) -> Field:
        """Heights along the picture, 0..1; `cells` bumps per picture height."""
        return line(
            self.width, self.rng("line", part), cells=max(1.0, cells * self.width / self.height), octaves=octaves
        )

    def has(self, *names: str) -> bool:
        """Whether the brief names one of these places."""
        return not self.brief.places.isdisjoint(names)

    def weather(self, *names: str) -> bool:
        return not self.brief.weather.isdisjoint(names)

    def lay(self, cover: Field, colour: Colour | Field, top: int = 0) -> None:
        """Cover the picture with a colour, as far as `cover` (0..1, by pixel) says; both from row `top` on."""
        rows = np.flatnonzero(cover.any(axis=1))
        if not len(rows):
            return
        part = slice(rows[0], rows[-1] + 1)
        under = self.pixels[top + rows[0] : top + rows[-1] + 1]
        over = colour[part] if colour.ndim == 3 and colour.shape[0] == cover.shape[0] else colour
        under += (over - under) * cover[part, :, None]

    def haze(self, distance: float) -> Colour:
        """The colour that far things fade to, weighted for mixing: what is near keeps its own."""
        return self.light.low * distance


def tinted(light: Light, brief: Brief, strength: float) -> Light:
    """A time's light, turned towards the colours and the weather of the brief."""
    top, middle, low = light.top, light.middle, light.low
    if brief.weather & {"rain", "storm", "clouds"}:
        grey = float(low.mean()) * rgb(0.78, 0.82, 0.88) * (0.72 if "storm" in brief.weather else 0.94)
        top, middle, low = top * 0.35 + grey * 0.55, middle * 0.3 + grey * 0.68, low * 0.3 + grey * 0.74
    for index, name in enumerate(brief.colours[:3]):
        wanted = np.array(RGB[name], np.float32)
        share = np.float32(min(0.75, 0.42 * strength) * (1.0, 0.6, 0.5)[index])
        bright = 0.25 + 0.75 * light.ambient
        low = low * (1 - share) + wanted * bright * share
        middle = middle * (1 - share * 0.9) + wanted * bright * 0.85 * share * 0.9
        top = top * (1 - share * 0.6) + wanted * bright * 0.5 * share * 0.6
    grey_sky = brief.weather & {"rain", "storm", "clouds"}
    ambient = light.ambient * (0.78 if grey_sky else 1.0)
    return light._replace(
        top=top, middle=middle, low=low, ambient=ambient, shine=light.shine * (0.3 if grey_sky else 1)
    )
