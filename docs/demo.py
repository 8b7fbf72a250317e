"""Draws docs/demo.png: what `make demo` left in demo-out, the songs as their covers and waveforms, and the picture."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from workers.engines.music import audio

SHEET = Path(__file__).parent / "demo.png"
SONGS = {
    "clip-1": ("generate: clip 1", (118, 211, 140)),
    "clip-2": ("generate: clip 2", (174, 216, 92)),
    "extension": ("extend clip 1", (244, 184, 96)),
    "whole": ("concat: the whole song", (150, 190, 250)),
}
WIDTH, ROW, COVER, LEFT = 720, 148, 128, 166
GROUND, WORDS, FAINT = (17, 20, 24), (226, 230, 235), (120, 128, 138)
PEAKS_PER_S = 2


def main(folder: Path) -> None:
    height = len(SONGS) * ROW + 10
    sheet = Image.new("RGB", (WIDTH + height, height), GROUND)
    draw = ImageDraw.Draw(sheet)
    heard = {name: audio.decode(folder / f"paper-lanterns-{name}.mp3") for name in SONGS}
    longest = max(len(samples) / rate for samples, rate in heard.values())
    for index, (name, (title, colour)) in enumerate(SONGS.items()):
        top, (samples, rate) = 10 + index * ROW, heard[name]
        with Image.open(folder / f"paper-lanterns-{name}.jpeg") as cover:
            sheet.paste(cover.convert("RGB").resize((COVER, COVER), Image.Resampling.LANCZOS), (20, top))
        draw.text((LEFT, top + 2), title, font=ImageFont.load_default(20), fill=WORDS)
        draw.text((WIDTH - 70, top + 7), f"{len(samples) / rate:.1f} s", font=ImageFont.load_default(15), fill=FAINT)
        step = (WIDTH - LEFT - 36) / (longest * PEAKS_PER_S)
        for at, peak in enumerate(audio.peaks(samples, rate, PEAKS_PER_S)):
            x, half = LEFT + at * step, max(1.0, 38 * peak)
            draw.rectangle((x, top + 84 - half, x + max(1.0, step * 0.6), top + 84 + half), fill=colour)
    with Image.open(next(folder.glob("paper-lanterns-picture.*"))) as picture:
        side = height - 20
        sheet.paste(picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS), (WIDTH, 10))
    inks = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    sheet.quantize(palette=inks, dither=Image.Dither.FLOYDSTEINBERG).save(SHEET, optimize=True)
    print(f"{SHEET.name}: {SHEET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-out"))
