"""A gateway of a benchmark finds the models that are installed here."""

import os

from cli.environment import without_ours
from workers.engines.assets import models_folder


def with_models() -> dict[str, str]:
    """Our environment, and of `GATEWAY_…` where the models are: `ai-gateway models install` puts them there."""
    return {**without_ours(os.environ), "GATEWAY_MODELS": str(models_folder().absolute())}
