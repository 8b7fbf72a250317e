"""OpenAI's list of models: every name that a request may name, whatever it makes, and those of accounts."""

from typing import Any

from litestar import Router, get
from litestar.params import FromPath
from litestar.types import ASGIApp

from api.openapi import KEYED, openai_errors, operation, success
from api.reply import json_reply
from api.services import Call, Services, authenticate
from storage.errors import UnknownModel

CREATED = 1_735_689_600
"""1 January 2025: when each of them came is not known, and clients want a time."""

_ONE = {"id": "smollm2-135m-instruct", "object": "model", "created": CREATED, "owned_by": "smollm2"}


@get(
    "/models",
    summary="List models",
    operation_class=operation(
        responses={200: success("All of them", {"object": "list", "data": [_ONE]}), **openai_errors(401, 503)}
    ),
)
async def list_models(request: Call) -> ASGIApp:
    """Every name of the catalog and of the accounts, once. `owned_by`: the engine, or the account's kind."""
    return json_reply({"object": "list", "data": [_shown(*each) for each in _owners(Services.of(request)).items()]})


@get(
    "/models/{model_id:path}",
    summary="Read a model",
    operation_class=operation(responses={200: success("The model", _ONE), **openai_errors(401, 404, 503)}),
)
async def read_model(request: Call, model_id: FromPath[str]) -> ASGIApp:
    """One of them. Its name may hold slashes."""
    name = model_id.removeprefix("/")
    owner = _owners(Services.of(request)).get(name)
    if owner is None:
        raise UnknownModel(f"no model is called {name!r}", field="model")
    return json_reply(_shown(name, owner))


def _owners(services: Services) -> dict[str, str]:
    """Each model, and what serves it: an account, where there is one."""
    found = {name: model.engine for name, model in services.catalog.models.items()}
    for account in services.accounts.all().values():
        found |= dict.fromkeys(account.models, account.adapter)
    return found


def _shown(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": owner}


router = Router(
    "/v1",
    route_handlers=[list_models, read_model],
    before_request=authenticate,
    tags=["Models"],
    security=KEYED,
)
