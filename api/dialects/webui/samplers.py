"""Samplers and schedulers by all the names that WebUI clients have for them.

Names and aliases are those of AUTOMATIC1111. Until 1.9 a scheduler was the end of a sampler's name ("DPM++ 2M Karras"),
and the older aliases ended in `_ka` and `_exp`; such a name still says both, whatever `scheduler` says.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from storage.errors import InvalidRequest


class Sampler(NamedTuple):
    """`scheduler`: the one that "Automatic" stands for."""

    name: str
    aliases: tuple[str, ...]
    scheduler: str = ""

    def listed(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "aliases": [*self.aliases],
            "options": {"scheduler": self.scheduler} if self.scheduler else {},
        }


class Scheduler(NamedTuple):
    name: str
    label: str
    aliases: tuple[str, ...] = ()
    default_rho: float = -1.0
    need_inner_model: bool = False

    def listed(self) -> dict[str, Any]:
        return {**self._asdict(), "aliases": [*self.aliases] or None}


class Chosen(NamedTuple):
    """A sampler's name and a scheduler's label, as WebUI shows them."""

    sampler: str
    scheduler: str


SAMPLERS = (
    Sampler("DPM++ 2M", ("k_dpmpp_2m",), "karras"),
    Sampler("DPM++ SDE", ("k_dpmpp_sde",), "karras"),
    Sampler("DPM++ 2M SDE", ("k_dpmpp_2m_sde",), "exponential"),
    Sampler("DPM++ 2M SDE Heun", ("k_dpmpp_2m_sde_heun",), "exponential"),
    Sampler("DPM++ 2S a", ("k_dpmpp_2s_a",), "karras"),
    Sampler("DPM++ 3M SDE", ("k_dpmpp_3m_sde",), "exponential"),
    Sampler("Euler a", ("k_euler_a", "k_euler_ancestral")),
    Sampler("Euler", ("k_euler",)),
    Sampler("LMS", ("k_lms",)),
    Sampler("Heun", ("k_heun",)),
    Sampler("DPM2", ("k_dpm_2",), "karras"),
    Sampler("DPM2 a", ("k_dpm_2_a",), "karras"),
    Sampler("DPM fast", ("k_dpm_fast",)),
    Sampler("DPM adaptive", ("k_dpm_ad",)),
    Sampler("Restart", ("restart",), "karras"),
    Sampler("DDIM", ("ddim",)),
    Sampler("DDIM CFG++", ("ddim_cfgpp",)),
    Sampler("PLMS", ("plms",)),
    Sampler("UniPC", ("unipc",)),
    Sampler("LCM", ("k_lcm",)),
)
SCHEDULERS = (
    Scheduler("automatic", "Automatic"),
    Scheduler("uniform", "Uniform", need_inner_model=True),
    Scheduler("karras", "Karras", default_rho=7.0),
    Scheduler("exponential", "Exponential"),
    Scheduler("polyexponential", "Polyexponential", default_rho=1.0),
    Scheduler("sgm_uniform", "SGM Uniform", ("SGMUniform",), need_inner_model=True),
    Scheduler("kl_optimal", "KL Optimal"),
    Scheduler("align_your_steps", "Align Your Steps"),
    Scheduler("simple", "Simple", need_inner_model=True),
    Scheduler("normal", "Normal", need_inner_model=True),
    Scheduler("ddim", "DDIM", need_inner_model=True),
    Scheduler("beta", "Beta", need_inner_model=True),
)
LATENT_MODES = (
    "Latent",
    "Latent (antialiased)",
    "Latent (bicubic)",
    "Latent (bicubic antialiased)",
    "Latent (nearest)",
    "Latent (nearest-exact)",
)

_SAMPLERS = {name.lower(): sampler for sampler in SAMPLERS for name in (sampler.name, *sampler.aliases)}
_SCHEDULERS = {
    name.lower(): scheduler
    for scheduler in SCHEDULERS
    for name in (scheduler.name, scheduler.label, *scheduler.aliases)
}
_ENDS = {f" {name}": scheduler for name, scheduler in _SCHEDULERS.items()} | {
    "_ka": _SCHEDULERS["karras"],
    "_exp": _SCHEDULERS["exponential"],
}


def chosen(
    sampler: str,
    scheduler: str | None,
    mapped: Mapping[str, str],
    fields: tuple[str, str] = ("sampler_name", "scheduler"),
) -> Chosen:
    """What the two names mean. `mapped`: an operator's own names, and what they stand for.

    Raises InvalidRequest for a name that nobody knows, naming its field.
    """
    by_end: Scheduler | None = None
    name = mapped.get(sampler, sampler).strip().lower()
    found = _SAMPLERS.get(name)
    if found is None:
        end = max((end for end in _ENDS if name.endswith(end)), key=len, default="")
        found, by_end = _SAMPLERS.get(name.removesuffix(end)), _ENDS.get(end)
    if found is None:
        known = ", ".join([*(each.name for each in SAMPLERS), *mapped])
        raise InvalidRequest(f"no sampler is called {shown(sampler)}; there are: {known}", field=fields[0])
    named = _scheduler(scheduler, fields[1])
    final = by_end or named
    usual = final.name == found.scheduler
    return Chosen(found.name, SCHEDULERS[0].label if usual else final.label)


def _scheduler(name: str | None, field: str) -> Scheduler:
    if not name:
        return SCHEDULERS[0]
    found = _SCHEDULERS.get(name.strip().lower())
    if found is None:
        known = ", ".join(each.label for each in SCHEDULERS)
        raise InvalidRequest(f"no scheduler is called {shown(name)}; there are: {known}", field=field)
    return found


def shown(name: str) -> str:
    """A name that came with a request, fit to be told."""
    return repr(name if len(name) <= 100 else name[:100] + "…")
