"""Stable Diffusion WebUI's words, callers' side: the bodies of txt2img and img2img. No I/O.

Fields, names and defaults are those of AUTOMATIC1111's API; `model` is the gateway's own. Null means missing nearly
everywhere, and a field that nobody knows is passed over, as WebUI does: clients send what their own version had.
"""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

DIALECT = "webui"

MAX_PICTURES = 16
"""Of one request: batch_size × n_iter."""
MAX_SEED = 2**32 - 1
MIN_SIDE, MAX_SIDE = 64, 2048
MAX_PROMPT = 20_000
MAX_STEPS = 150

Seed = Annotated[int, Field(ge=-1, le=MAX_SEED)]
Side = Annotated[int, Field(ge=MIN_SIDE, le=MAX_SIDE)]
NoSide = Annotated[int, Field(ge=0, le=MAX_SIDE)]
ResizedFrom = Annotated[int, Field(ge=-1, le=MAX_SIDE)]
Share = Annotated[float, Field(ge=0, le=1)]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
Name = Annotated[str, Field(max_length=300)]


class Body(BaseModel):
    """What all of WebUI's bodies have in common: unknown fields are passed over, and null is the default."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, data: Any) -> Any:
        return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        told = handler.resolve_ref_schema(schema)
        for name, field in told.get("properties", {}).items():
            about = {word: field.pop(word) for word in ("title", "description", "default") if word in field}
            told["properties"][name] = about | {"anyOf": [field, {"type": "null"}]}
        return schema


class Generation(Body):
    """What txt2img and img2img both take."""

    pictures: ClassVar[tuple[str, ...]] = ()
    """The fields that hold pictures. What is kept of a request goes without them."""

    model: Name | None = Field(default=None, description="A model of the catalog; its default, if none is named")
    prompt: Prompt = ""
    negative_prompt: Prompt = ""
    styles: list[Name] = Field(default=[], max_length=32)
    seed: Seed = Field(default=-1, description="-1: a random one, told in `info`; each further picture has one more")
    subseed: Seed = -1
    subseed_strength: Share = Field(default=0.0, description="Only 0: variations of a seed are not made here")
    seed_resize_from_h: ResizedFrom = -1
    seed_resize_from_w: ResizedFrom = -1
    sampler_name: Name | None = None
    sampler_index: Name = Field(
        default="Euler", description="The old name of sampler_name; counts where that is missing"
    )
    scheduler: Name | None = None
    batch_size: int = Field(default=1, ge=1, le=MAX_PICTURES)
    n_iter: int = Field(default=1, ge=1, le=MAX_PICTURES, description="batch_size × n_iter pictures, 16 at most")
    steps: int = Field(default=50, ge=1, le=MAX_STEPS)
    cfg_scale: float = Field(default=7.0, ge=0, le=30)
    distilled_cfg_scale: float = 3.5
    width: Side = 512
    height: Side = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    eta: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    denoising_strength: Share = 0.75
    override_settings: dict[str, Any] = Field(
        default={}, description="sd_model_checkpoint, samples_format (png, jpg, webp), jpeg_quality, enable_pnginfo"
    )
    override_settings_restore_afterwards: bool = True
    refiner_checkpoint: Name | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    comments: dict[str, Any] | None = None
    script_name: Name | None = Field(default=None, description="There are no selectable scripts here")
    script_args: list[Any] = []
    alwayson_scripts: dict[str, Any] = Field(default={}, description="`reactor`, with its positional arguments")
    send_images: bool = True
    save_images: bool = False
    force_task_id: Name | None = Field(default=None, description="What /internal/progress will be asked for")
    infotext: str | None = Field(default=None, max_length=2 * MAX_PROMPT, description="Fills what is not sent")


class Txt2Img(Generation):
    """The body of txt2img."""

    enable_hr: bool = Field(default=False, description="Hires fix: the picture is made in the larger size")
    firstphase_width: NoSide = 0
    firstphase_height: NoSide = 0
    hr_scale: float = Field(default=2.0, ge=0, le=16)
    hr_upscaler: Name | None = None
    hr_second_pass_steps: int = Field(default=0, ge=0, le=MAX_STEPS)
    hr_resize_x: NoSide = 0
    hr_resize_y: NoSide = 0
    hr_checkpoint_name: Name | None = None
    hr_sampler_name: Name | None = None
    hr_scheduler: Name | None = None
    hr_prompt: Prompt = ""
    hr_negative_prompt: Prompt = ""
    hr_cfg: float = 1.0
    hr_distilled_cfg: float = 3.5
    hr_additional_modules: list[Any] | None = None


class Img2Img(Generation):
    """The body of img2img."""

    pictures = ("init_images", "mask", "latent_mask")

    init_images: list[str] | None = Field(default=None, description="One picture: Base64, a data URI or an http(s) URL")
    resize_mode: int = Field(default=0, ge=0, le=3, description="0 stretch, 1 crop, 2 fill, 3 as 0")
    image_cfg_scale: float | None = None
    mask: str | None = Field(default=None, description="A picture, white where it is to be repainted")
    mask_blur: int | None = Field(default=None, ge=0, le=64)
    mask_blur_x: int = Field(default=4, ge=0, le=64)
    mask_blur_y: int = Field(default=4, ge=0, le=64)
    mask_round: bool = True
    inpainting_fill: int = Field(default=0, ge=0, le=3, description="0 fill, 1 original, 2 noise, 3 nothing")
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = Field(default=0, ge=0, le=512)
    inpainting_mask_invert: int = Field(default=0, ge=0, le=1)
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    include_init_images: bool = False
