"""A body of txt2img or img2img, read as WebUI reads it, and what is answered of it in words."""

from typing import Any, NamedTuple

from PIL import Image

from cli.fakes import drawing
from cli.fakes.family import Refusal
from cli.fakes.webui_lists import SAMPLERS, SCRIPTS

_WHOLE = ("width", "height", "steps", "batch_size", "n_iter", "seed")
_PICTURES = ("init_images", "mask")
_RANDOM = 1_234_567_890  # what -1 becomes: a fake is the same at every run


class Drawing(NamedTuple):
    """What is to be drawn. `way`: by which path; `pictures`: how many; `face`: whose is to be swapped in."""

    way: str
    words: str
    size: tuple[int, int]
    seed: int
    steps: int
    pictures: int
    format: str
    checkpoint: object
    sampler: str
    echo: dict[str, Any]
    before: Image.Image | None = None
    mask: Image.Image | None = None
    strength: float = 0.75
    face: Image.Image | None = None

    def picture(self, number: int) -> Image.Image:
        if self.before is None:
            return drawing.drawn(self.words, self.seed + number, self.size)
        return drawing.changed(self.before, self.words, self.seed + number, self.strength, self.mask)

    def info(self, checkpoint: str, mark: str, made: int) -> dict[str, Any]:
        """What is answered as a text."""
        seeds = [self.seed + number for number in range(made)]
        negative = self.echo.get("negative_prompt") or ""
        return {
            "prompt": self.words,
            "all_prompts": [self.words] * made,
            "negative_prompt": negative,
            "all_negative_prompts": [negative] * made,
            "seed": self.seed,
            "all_seeds": seeds,
            "subseed": _RANDOM,
            "all_subseeds": [_RANDOM] * made,
            "subseed_strength": 0,
            "width": self.size[0],
            "height": self.size[1],
            "sampler_name": self.sampler,
            "cfg_scale": self.echo.get("cfg_scale", 7.0),
            "steps": self.steps,
            "batch_size": self.echo.get("batch_size", 1),
            "restore_faces": False,
            "face_restoration_model": None,
            "sd_model_name": checkpoint,
            "sd_model_hash": mark,
            "sd_vae_name": None,
            "sd_vae_hash": None,
            "seed_resize_from_w": -1,
            "seed_resize_from_h": -1,
            "denoising_strength": self.strength if self.before else None,
            "extra_generation_params": {},
            "index_of_first_image": 0,
            "infotexts": [
                f"{self.words}\nNegative prompt: {negative}\nSteps: {self.steps}, Sampler: {self.sampler}, "
                f"Seed: {seed}, Size: {self.size[0]}x{self.size[1]}, Model hash: {mark}, Model: {checkpoint}"
                for seed in seeds
            ],
            "styles": [],
            "job_timestamp": "20260101000000",
            "clip_skip": 1,
            "is_using_inpainting_conditioning": False,
            "version": "v1.10.1",
        }


def read(body: dict[str, Any], way: str) -> Drawing:
    """Raises Refusal for what FastAPI refuses, NoPicture for pictures that are none."""
    given = {name: value for name, value in body.items() if value is not None}
    for name in _WHOLE:
        if not isinstance(given.get(name, 0), int):
            raise Refusal(422, {"detail": [_complaint(name, given[name])]})
    settings = given.get("override_settings", {})
    size = (given.get("width", 512) // 8 * 8, given.get("height", 512) // 8 * 8)
    seed, sampler = given.get("seed", -1), given.get("sampler_name") or given.get("sampler_index", "Euler")
    wanted = Drawing(
        way,
        given.get("prompt", ""),
        size,
        _RANDOM if seed == -1 else seed,
        given.get("steps", 50),
        given.get("batch_size", 1) * given.get("n_iter", 1),
        settings.get("samples_format", "png"),
        settings.get("sd_model_checkpoint"),
        sampler if sampler in SAMPLERS else SAMPLERS[0],
        {**body, **(dict.fromkeys(_PICTURES) if way == "img2img" else {})},
        face=_face(given.get("alwayson_scripts", {})),
    )
    if way == "txt2img":
        return wanted
    before = drawing.from_text(next(iter(given["init_images"]), "")).convert("RGB").resize(size)
    mask = drawing.from_text(given["mask"]).convert("L") if given.get("mask") else None
    return wanted._replace(before=before, mask=mask, strength=given.get("denoising_strength", 0.75))


def _face(scripts: dict[str, Any]) -> Image.Image | None:
    """The picture whose face ReActor is to take, if it rides along. Raises Refusal for scripts that there are not."""
    face = None
    for title, script in scripts.items():
        if title.lower() not in SCRIPTS["txt2img"]:
            raise Refusal(422, {"detail": f"Script '{title}' not found"})
        args = script.get("args", [])
        if len(args) > 1 and args[1]:
            face = drawing.from_text(args[0])
    return face


def _complaint(name: str, value: Any) -> dict[str, Any]:
    text = "Input should be a valid integer"
    return {"type": "int_type", "loc": ["body", name], "msg": text, "input": value}
