"""Subjects drawn from ovals, boxes and polygons, rounded by light and shade: what stands in where there are no sprites.

A shape is a list of parts on a square of 100 by 100: `e x y rx ry` (oval), `r left top right bottom radius` (box),
`p x,y x,y ...` (polygon), each followed by its tone: `main`, `dark`, `pale`, `deep`, `white`, `black` or `glass`.
"""

from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw

from workers.engines.image.noise import Field, blurred
from workers.engines.image.scene import Colour, rgb
from workers.engines.image.vocabulary import RGB

SIDE = 320

_TABLE = """
beast: r 24 60 33 95 4 dark; r 62 60 71 95 4 dark; p 74,50 92,30 96,36 80,62 main; e 50 55 30 19 main
 ; r 30 62 39 96 4 main; r 68 62 77 96 4 main; p 12,10 24,24 10,30 main; p 40,10 40,28 26,22 main; e 25 33 19 17 main
 ; e 19 40 10 7 pale; e 18 30 3 4 black; e 31 30 3 4 black; e 14 38 4 3 black
dragon: p 40,40 8,6 34,14 52,2 60,36 dark; p 70,62 98,50 92,70 82,84 main; e 54 62 30 17 main; r 34 68 42 92 4 dark
 ; r 62 68 70 92 4 dark; p 30,60 24,30 40,28 48,56 main; e 24 28 17 13 main; p 20,18 16,4 27,16 deep; e 14 32 10 7 main
 ; e 22 25 3 4 black; e 50 69 22 8 pale
bird: p 62,60 96,54 80,72 dark; r 44 78 47 96 1 deep; r 54 78 57 96 1 deep; e 50 60 28 22 main; e 56 60 19 13 dark
 ; e 30 36 18 17 main; p 14,34 2,40 15,43 deep; e 28 33 3 4 black; e 42 70 14 9 pale
fish: p 70,50 96,28 92,50 96,72 dark; p 40,30 62,16 62,36 dark; e 45 50 36 23 main; e 40 58 26 12 pale
 ; p 52,52 68,46 66,64 dark; e 23 45 5 5 white; e 22 45 2.6 2.6 black
butterfly: e 28 34 24 22 main; e 72 34 24 22 main; e 32 68 18 18 dark; e 68 68 18 18 dark; e 27 33 10 9 pale
 ; e 73 33 10 9 pale; r 46 22 54 84 4 black; e 50 20 6 6 black
round: e 50 54 40 40 main; e 38 40 12 9 pale; r 48 6 53 20 2 deep; p 53,14 72,4 66,18 deep
flower: r 47 46 53 98 2 deep; p 52,84 76,66 58,88 deep; e 50 16 13 14 main; e 32 28 14 13 main; e 68 28 14 13 main
 ; e 38 46 14 13 main; e 62 46 14 13 main; e 50 33 12 12 pale
tree: r 44 58 56 98 4 deep; e 30 46 24 22 dark; e 70 46 24 22 dark; e 50 28 28 24 main; e 42 46 22 18 main
pine: r 45 80 55 99 2 deep; p 50,38 86,86 14,86 dark; p 50,20 78,64 22,64 main; p 50,2 70,40 30,40 main
palm: p 46,40 54,40 60,98 50,98 deep; p 50,40 10,30 4,50 30,36 main; p 50,40 90,30 96,50 70,36 main
 ; p 50,40 24,10 10,14 34,26 dark; p 50,40 76,10 90,14 66,26 dark; p 50,42 46,2 56,2 main; e 48 43 6 6 deep
cactus: r 40 10 60 98 10 main; r 14 34 26 62 6 main; r 14 54 46 64 5 main; r 74 24 86 56 6 main; r 54 46 86 56 5 main
 ; r 46 14 50 94 2 pale
mushroom: r 38 46 62 97 9 pale; e 50 36 42 28 main; e 34 28 7 6 white; e 60 22 8 6 white; e 74 40 6 5 white
castle: r 22 42 78 98 0 main; r 8 30 28 98 0 main; r 72 30 92 98 0 main; r 38 24 62 98 0 main; p 5,31 18,6 31,31 dark
 ; p 69,31 82,6 95,31 dark; p 34,25 50,0 66,25 dark; r 43 68 57 98 7 deep; r 46 36 54 48 4 glass
 ; r 14 44 22 56 4 glass; r 78 44 86 56 4 glass
house: r 66 10 78 40 0 deep; r 16 44 84 98 0 pale; p 50,6 98,50 2,50 main; r 43 62 59 98 1 deep; r 22 58 37 74 1 glass
 ; r 65 58 79 74 1 glass
tower: p 36,98 44,14 56,14 64,98 main; r 30 94 70 99 1 dark; r 40 10 60 20 2 dark; p 42,11 50,0 58,11 deep
 ; r 46 30 54 40 3 glass; r 46 54 54 64 3 glass
lighthouse: p 34,98 42,26 58,26 66,98 white; p 40,46 41,38 59,38 60,46 main; p 38,66 39,56 61,56 62,66 main
 ; p 35,88 36,78 64,78 65,88 main; r 38 22 62 28 1 dark; r 43 10 57 23 1 glass; p 40,11 50,1 60,11 main
 ; r 45 88 55 98 5 deep
windmill: p 32,98 40,34 60,34 68,98 pale; p 36,36 50,18 64,36 dark; p 50,38 44,2 54,2 white; p 50,38 90,36 88,46 white
 ; p 50,38 56,76 46,76 white; p 50,38 10,42 12,32 white; e 50 38 5 5 deep; r 44 78 56 98 5 deep
bridge: p 2,70 20,52 50,44 80,52 98,70 98,80 80,62 50,54 20,62 2,80 main; r 8 64 13 88 0 dark; r 30 54 35 88 0 dark
 ; r 65 54 70 88 0 dark; r 87 64 92 88 0 dark; p 2,62 20,44 50,36 80,44 98,62 98,65 80,47 50,39 20,47 2,65 dark
car: p 24,48 36,26 70,26 84,48 dark; p 30,47 39,31 52,31 52,47 glass; p 56,47 56,31 67,31 77,47 glass
 ; r 5 46 96 74 9 main; e 27 75 12 12 black; e 75 75 12 12 black; e 27 75 5 5 white; e 75 75 5 5 white
 ; r 88 52 96 60 2 pale
boat: r 48 6 51 76 0 deep; p 53,8 90,68 53,68 white; p 46,16 46,68 16,68 pale; p 6,72 96,72 80,92 22,92 main
plane: p 60,48 34,12 24,12 40,50 dark; e 50 54 46 10 main; p 6,52 2,30 14,32 22,52 dark
 ; p 58,56 40,92 29,92 40,57 dark; r 76 48 88 54 2 glass
rocket: p 30,60 12,90 32,82 dark; p 70,60 88,90 68,82 dark; p 38,84 50,99 62,84 deep; e 50 48 20 42 main
 ; p 38,22 50,2 62,22 dark; e 50 40 9 9 glass
balloon: r 49 74 51 99 0 deep; e 50 38 33 36 main; p 46,72 54,72 50,78 dark; e 38 24 9 12 pale
robot: r 47 4 53 18 1 dark; e 50 5 5 5 pale; r 18 16 82 62 10 main; r 26 26 74 50 8 black; e 38 38 6 6 glass
 ; e 62 38 6 6 glass; r 28 66 72 98 8 dark; r 14 66 25 92 5 main; r 75 66 86 92 5 main
person: r 36 66 48 99 4 deep; r 52 66 64 99 4 deep; r 22 36 33 68 5 dark; r 67 36 78 68 5 dark; r 30 32 70 72 10 main
 ; e 50 18 14 15 skin; p 35,17 50,0 65,17 60,9 40,9 deep; e 45 18 1.8 2.2 black; e 55 18 1.8 2.2 black
heart: e 31 34 24 24 main; e 69 34 24 24 main; p 9,44 91,44 50,94 main; e 26 27 8 6 pale
star: p 50,4 61,38 97,38 68,59 79,94 50,73 21,94 32,59 3,38 39,38 main
cup: e 76 56 16 16 dark; e 76 56 9 9 pale; p 16,34 78,34 70,90 24,90 main; e 47 34 31 8 deep; e 47 34 26 5 pale
"""

_SKIN = rgb(0.96, 0.78, 0.60)


@cache
def _shapes() -> dict[str, list[list[str]]]:
    shapes: dict[str, list[list[str]]] = {}
    for line in _TABLE.replace("\n ;", ";").strip().splitlines():
        name, _, parts = line.partition(":")
        shapes[name] = [part.split() for part in parts.split(";")]
    return shapes


@lru_cache(maxsize=32)
def drawn(shape: str, colour: str) -> Image.Image:
    """One of our shapes in one of the vocabulary's colours, as an RGBA picture."""
    main = np.array(RGB[colour], np.float32)
    pixels = np.zeros((SIDE, SIDE, 4), np.float32)
    for kind, *numbers, tone in _shapes()[shape]:
        cover = _cover(kind, numbers)
        lit = _toned(main, tone) * _relief(cover)[..., None]
        pixels[..., :3] += (lit - pixels[..., :3]) * cover[..., None]
        pixels[..., 3] = np.maximum(pixels[..., 3], cover)
    return Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8))


def with_body(head: Image.Image) -> Image.Image:
    """A sitting animal under a sprite that is only a head, in the head's own colour."""
    pixels = np.asarray(head.resize((SIDE, SIDE), Image.Resampling.LANCZOS), np.float32) / 255
    fur = np.median(
        pixels[int(SIDE * 0.2) : int(SIDE * 0.5)][pixels[int(SIDE * 0.2) : int(SIDE * 0.5), :, 3] > 0.9], axis=0
    )[:3]
    canvas = np.zeros((round(SIDE * 1.5), SIDE, 4), np.float32)
    parts = [
        "e 82 92 17 9 dark",
        "e 50 96 31 36 main",
        "e 50 100 17 26 pale",
        "e 27 116 13 16 dark",
        "e 73 116 13 16 dark",
    ]
    parts += ["r 33 92 46 130 6 main", "r 54 92 67 130 6 main", "e 39 129 9 5 pale", "e 61 129 9 5 pale"]
    for part in parts:
        kind, *numbers, tone = part.split()
        cover = _cover(kind, numbers, canvas.shape[0])
        lit = _toned(fur, tone) * _relief(cover)[..., None]
        canvas[..., :3] += (lit - canvas[..., :3]) * cover[..., None]
        canvas[..., 3] = np.maximum(canvas[..., 3], cover)
    body = Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8))
    small = round(SIDE * 0.94)
    body.alpha_composite(head.resize((small, small), Image.Resampling.LANCZOS), ((SIDE - small) // 2, 0))
    return body


def _cover(kind: str, numbers: list[str], height: int = SIDE) -> Field:
    """How far a part covers each pixel: drawn twice as large, so that edges are smooth."""
    mask = Image.new("L", (SIDE * 2, height * 2))
    draw = ImageDraw.Draw(mask)
    scale = SIDE * 2 / 100
    if kind == "p":
        draw.polygon([(float(x) * scale, float(y) * scale) for x, y in (pair.split(",") for pair in numbers)], fill=255)
    else:
        a, b, c, d, *radius = (float(number) * scale for number in numbers)
        if kind == "e":
            draw.ellipse((a - c, b - d, a + c, b + d), fill=255)
        else:
            draw.rounded_rectangle((a, b, c, d), radius=radius[0], fill=255)
    return np.asarray(mask.resize((SIDE, height), Image.Resampling.BOX), np.float32) / 255


def _relief(cover: Field) -> Field:
    """Brighter where a part turns up and to the left, darker where it turns away."""
    soft = blurred(cover, SIDE / 22)
    step = SIDE // 20
    turned = soft - np.roll(np.roll(soft, step, axis=0), step, axis=1)
    return np.clip(1.0 + 0.42 * turned, 0.55, 1.4)


def _toned(main: Colour, tone: str) -> Colour:
    fixed = {
        "white": rgb(0.97, 0.97, 0.96), "black": rgb(0.10, 0.10, 0.12), "glass": rgb(0.60, 0.83, 0.95), "skin": _SKIN
    }  # fmt: skip
    if tone in fixed:
        return fixed[tone]
    mixed = {"main": main, "dark": main * 0.74, "pale": main * 0.4 + 0.58, "deep": main * 0.30 + rgb(0.16, 0.12, 0.08)}
    return np.asarray(mixed[tone], np.float32)
