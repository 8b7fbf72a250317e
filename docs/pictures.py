"""Draws docs/pictures.jpg, what the illustrator makes of two dozen prompts, and docs/pictures-changed.jpg, what becomes
of two portraits (in the public domain: NASA, U.S. Navy). `make models` first, for the sprites and the face models.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from workers.engines.image.brief import understand
from workers.engines.image.paint import identity, paint
from workers.engines.picture.engine import Pictures

SHEET = Path(__file__).parent / "pictures.jpg"
SIZE, TILE, CAPTION, COLUMNS = (768, 512), (264, 176), 15, 6
SEED = 1

# Prompt, and how it is captioned where the font lacks its letters.
PROMPTS = {
    "a red fox in a snowy pine forest at sunset, mountains": "",
    "a sailboat on a calm sea at sunset": "",
    "cyberpunk city street at night, neon lights, robot, rain": "",
    "a castle on a hill under a starry night sky, a dragon": "",
    "a white cat on the beach near a palm tree": "",
    "astronaut in space, galaxy, rocket": "",
    "misty mountain lake at dawn": "",
    "three balloons over green hills, rainbow": "",
    "a lighthouse in a stormy sea, lightning": "",
    "a volcano erupting at night": "",
    "coral reef with a fish and a turtle, underwater": "",
    "a cup of coffee on a table, cozy room, rainy window": "",
    "portrait of a wizard, purple background": "",
    "two white horses in a meadow, oil painting": "",
    "cherry blossoms, pagoda, watercolor": "",
    "a panda in a bamboo forest, ink wash": "",
    "a dragon over mountains, pencil sketch": "",
    "a knight and a castle, pixel art": "",
    "a sunflower in a field, van gogh": "",
    "an owl in the forest at night, stained glass": "",
    "aurora over snowy mountains, a deer": "",
    "abstract, blue and gold": "",
    "一只猫在海滩上看日落": "(in Chinese) a cat on a beach at sunset",
    "雨夜的城市街道, 红色汽车": "(in Chinese) rainy city night, a red car",
}


CHANGED = Path(__file__).parent / "pictures-changed.jpg"
FACES = Path(__file__).parent.parent / "tests" / "workers" / "engines" / "picture" / "faces"
EDITED = (232, 240)
PART = (96, 60, 192, 156)
"""What is enlarged of the first portrait: left, top, right, bottom."""


def main() -> None:
    draw_prompts()
    draw_changes()


def draw_prompts() -> None:
    tiles = []
    for prompt, caption in PROMPTS.items():
        drawn = paint(understand(prompt), identity(prompt, "", SEED), SIZE, lambda _: None).image
        tiles.append((drawn.resize(TILE, Image.Resampling.LANCZOS), caption or prompt))
    _save([tiles[at : at + COLUMNS] for at in range(0, len(tiles), COLUMNS)], SHEET)


def draw_changes() -> None:
    """Edits in the first row, swaps and an upscale in the second."""
    astronaut, hopper = FACES / "astronaut.jpg", FACES / "hopper.jpg"
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        mask = Image.new("L", (320, 330))
        ImageDraw.Draw(mask).ellipse((215, 5, 316, 140), fill=255)
        mask.save(folder / "mask.png")
        with Image.open(astronaut) as image:
            part = image.crop(PART)
        part.save(folder / "part.png")

        def edited(prompt: str, strength: float, **inputs: Path) -> Image.Image:
            request = {"prompt": prompt, "denoising_strength": strength}
            return _made("image.edit", {"image": astronaut, **inputs}, request, folder)

        def swapped(source: Path, target: Path) -> Image.Image:
            return _made("image.faceswap", {"source_image": source, "target_image": target}, {}, folder)

        large = _made("image.upscale", {"image": folder / "part.png"}, {"scale": 4}, folder)
        first = [
            (Image.open(astronaut).convert("RGB"), "given"),
            (edited("", 0.5), "no prompt, denoising 0.5"),
            (edited("watercolor", 0.7), "watercolor, 0.7"),
            (edited("night, snow", 0.8), "night, snow, 0.8"),
            (edited("van gogh", 0.9), "van gogh, 0.9"),
            (edited("a red balloon", 0.75, mask=folder / "mask.png"), "a red balloon, in a mask"),
        ]
        second = [
            (Image.open(astronaut).convert("RGB"), "a face (NASA)"),
            (Image.open(hopper).convert("RGB"), "another (U.S. Navy)"),
            (swapped(hopper, astronaut), "the second in the first"),
            (swapped(astronaut, hopper), "the first in the second"),
            (part.resize(large.size, Image.Resampling.NEAREST), "96 x 96 pixels"),
            (large, "upscaled four times"),
        ]
    rows = [[(ImageOps.fit(image, EDITED), caption) for image, caption in row] for row in (first, second)]
    _save(rows, CHANGED)


def _save(rows: list[list[tuple[Image.Image, str]]], to: Path) -> None:
    """A sheet of pictures of one size, each with its caption below."""
    width, height = rows[0][0][0].size
    sheet = Image.new("RGB", (len(rows[0]) * width, len(rows) * (height + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for down, row in enumerate(rows):
        for across, (image, caption) in enumerate(row):
            x, y = across * width, down * (height + CAPTION)
            sheet.paste(image, (x, y))
            draw.text((x + 3, y + height + 1), caption, font=font, fill="black")
    sheet.save(to, quality=84)
    print(f"{to.name}: {sum(map(len, rows))} pictures, {to.stat().st_size // 1000} kB")


def _made(kind: str, inputs: dict[str, Path], request: dict[str, Any], folder: Path) -> Image.Image:
    paths = {name: str(path) for name, path in inputs.items()}
    task = {"kind": kind, "request": request, "seed": SEED, "inputs": paths}
    with Image.open(Pictures().generate(task, folder, lambda _: None).artifacts[0].path) as image:
        return image.convert("RGB")


if __name__ == "__main__":
    main()
