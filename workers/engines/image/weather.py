"""What falls or hangs in the air before everything else: rain, snow, petals, leaves, fog."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from workers.engines.image.land import lay_image
from workers.engines.image.scene import Scene, rgb


def fog(scene: Scene) -> None:
    """Banks along the horizon, before the subjects are set in."""
    if scene.weather("fog"):
        bank = np.exp(-(((scene.rows - scene.horizon) / (scene.height * 0.20)) ** 2))
        veil = bank * (0.40 + 0.75 * scene.noise("fog", 2.6, 5, 4)) + 0.14
        scene.lay(np.clip(veil, 0, 0.93), scene.light.low * 0.96)


def fall(scene: Scene) -> None:
    """Over everything that is out of doors."""
    if scene.weather("fog"):
        low = np.clip((scene.rows / scene.height - 0.62) / 0.38, 0, 1)
        scene.lay(low * 0.34 * scene.noise("mist", 3, 5, 5), scene.light.low)
    if scene.weather("rain", "storm"):
        _rain(scene)
    if scene.weather("snow"):
        _snow(scene)
    for name, hue in (("petals", (252, 190, 214)), ("leaves", (214, 110, 34))):
        if scene.weather(name):
            _scatter(scene, name, hue)


def _rain(scene: Scene) -> None:
    rng = scene.rng("rain")
    sheet = Image.new("L", (scene.width, scene.height))
    draw = ImageDraw.Draw(sheet)
    thin = max(1, scene.height // 640)
    for _ in range(round((1500 if scene.weather("storm") else 950) * scene.width / scene.height)):
        x, y = rng.random() * scene.width * 1.1, rng.random() * scene.height
        long = scene.height * rng.uniform(0.018, 0.055)
        draw.line((x, y, x - long * 0.22, y + long), fill=int(rng.uniform(50, 150)), width=thin)
    scene.pixels += (np.asarray(sheet, np.float32) / 255 * min(0.5, 0.2 + scene.height / 3000))[..., None] * (
        scene.light.low * 0.6 + 0.30
    )


def _snow(scene: Scene) -> None:
    """Three depths of flakes: the nearest are large, few and out of focus."""
    rng = scene.rng("snow")
    for count, size in ((900, 0.0011), (260, 0.0026), (34, 0.0075)):
        sheet = Image.new("L", (scene.width, scene.height))
        draw = ImageDraw.Draw(sheet)
        for _ in range(round(count * scene.width / scene.height)):
            x, y, r = (
                rng.random() * scene.width,
                rng.random() * scene.height,
                scene.height * size * rng.uniform(0.6, 1.3),
            )
            draw.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.uniform(130, 245)))
        blur = ImageFilter.GaussianBlur(max(0.6, scene.height * size * 0.5))
        soft = np.asarray(sheet.filter(blur), np.float32) / 255
        scene.lay(np.clip(soft * 0.95, 0, 1), rgb(0.97, 0.98, 1) * (0.45 + 0.55 * scene.light.ambient))


def _scatter(scene: Scene, name: str, hue: tuple[int, int, int]) -> None:
    rng = scene.rng(name)
    image = Image.new("RGBA", (scene.width, scene.height))
    draw = ImageDraw.Draw(image)
    for _ in range(round(150 * scene.width / scene.height)):
        x, y = rng.random() * scene.width, rng.random() * scene.height
        r, turn, flat = scene.height * rng.uniform(0.004, 0.012), rng.uniform(0, 3.14), rng.uniform(0.35, 0.8)
        angles = np.linspace(0, 2 * np.pi, 12)
        across, up = np.cos(angles) * r, np.sin(angles) * r * flat
        points = np.stack(
            (x + across * np.cos(turn) - up * np.sin(turn), y + across * np.sin(turn) + up * np.cos(turn)), 1
        )
        shade = rng.uniform(0.8, 1.05)
        fill = tuple(min(255, round(part * shade)) for part in hue)
        draw.polygon([(float(a), float(b)) for a, b in points], fill=(*fill, 225))
    lay_image(scene, image)
