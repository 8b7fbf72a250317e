"""Draws docs/pictures.png, what the illustrator makes of two dozen prompts, and docs/pictures-changed.jpg, what becomes
of two portraits (in the public domain: NASA, U.S. Navy). `make models` first, for the sprites and the face models.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from workers.engines.image.brief import understand
from workers.engines.image.paint import identity, paint
from workers.engines.picture.engine import Pictures

SHEET = Path(__file__).parent / "pictures.png"
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


def main() -> None:
    draw_prompts()
    draw_changes()


def draw_prompts() -> None:
    rows = -(-len(PROMPTS) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE[0], rows * (TILE[1] + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for index, (prompt, caption) in enumerate(PROMPTS.items()):
        drawn = paint(understand(prompt), identity(prompt, "", SEED), SIZE, lambda _: None).image
        x, y = index % COLUMNS * TILE[0], index // COLUMNS * (TILE[1] + CAPTION)
        sheet.paste(drawn.resize(TILE, Image.Resampling.LANCZOS), (x, y))
        draw.text((x + 3, y + TILE[1] + 1), caption or prompt, font=font, fill="black")
    inks = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    few = sheet.quantize(palette=inks, dither=Image.Dither.FLOYDSTEINBERG)
    few.save(SHEET, optimize=True)
    print(f"{SHEET.name}: {len(PROMPTS)} prompts, {SHEET.stat().st_size // 1000} kB")


def draw_changes() -> None:
    """The portraits, and next to them watercolour, a night, a mask filled, both swaps, a part made larger."""
    astronaut, hopper = FACES / "astronaut.jpg", FACES / "hopper.jpg"
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        mask, part = Image.new("L", (320, 330)), folder / "part.png"
        ImageDraw.Draw(mask).ellipse((215, 5, 316, 140), fill=255)
        mask.save(folder / "mask.png")
        with Image.open(astronaut) as image:
            image.crop((96, 60, 216, 184)).save(part)
        swapped = (
            {"source_image": hopper, "target_image": astronaut},
            {"source_image": astronaut, "target_image": hopper},
        )
        row = [Image.open(path).convert("RGB") for path in (astronaut, hopper)]
        for kind, inputs, request in (
            ("image.edit", {"image": astronaut}, {"prompt": "watercolor", "denoising_strength": 0.7}),
            ("image.edit", {"image": astronaut}, {"prompt": "night, snow", "denoising_strength": 0.8}),
            ("image.edit", {"image": astronaut, "mask": folder / "mask.png"}, {"prompt": "a red balloon"}),
            ("image.faceswap", swapped[0], {}),
            ("image.faceswap", swapped[1], {}),
            ("image.upscale", {"image": part}, {"scale": 3}),
        ):
            row.append(_made(kind, inputs, request, folder))
    tiles = [image.resize((200, 208), Image.Resampling.LANCZOS) for image in row]
    sheet = Image.new("RGB", (200 * len(tiles), 208))
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (200 * index, 0))
    sheet.save(CHANGED, quality=86)
    print(f"{CHANGED.name}: {CHANGED.stat().st_size // 1000} kB")


def _made(kind: str, inputs: dict[str, Path], request: dict[str, Any], folder: Path) -> Image.Image:
    paths = {name: str(path) for name, path in inputs.items()}
    task = {"kind": kind, "request": request, "seed": SEED, "inputs": paths}
    with Image.open(Pictures().generate(task, folder, lambda _: None).artifacts[0].path) as image:
        return image.convert("RGB")


if __name__ == "__main__":
    main()
