"""Pictures by OpenAI's dialect: generations, edits, variations. Source: shared/protocols/openai.md §5.

What jobs say in neutral words and OpenAI has no word for (a seed, steps, what not to show) is sent where the account's
`extras` name it, and is otherwise named in the result's `ignored`.
"""

from collections.abc import Mapping
from typing import Any

from storage.errors import InvalidRequest, UpstreamMalformed
from storage.job import Kind
from storage.wire.reading import from_base64, json_of
from storage.wire.reply import Reply
from workers.adapters.base import Call, Done, Field, File, Given, Item, Task
from workers.adapters.openai_options import Options, Rules, rules_of

_FINE, _ROUGH = 30, 15
"""Steps from which, and below which, a picture is asked for in a higher or a lower quality."""

_PNG = "image/png"
_TOLD = ("size", "quality", "background", "output_format")


def generation(task: Task, options: Options) -> Call:
    """Raises InvalidRequest."""
    request, rules = task.job.request, rules_of(task.model)
    body: dict[str, Any] = {**_asked(task, options), "size": _size(task, rules)}
    if rules.styled:
        body["style"] = (request.get("openai") or {}).get("style")
    return Call(
        method="POST",
        path="/images/generations",
        json={name: value for name, value in body.items() if value is not None},
        pays=options.risky,
        timeout_s=options.timeout_s,
    )


def edit(task: Task, options: Options) -> Call:
    """An edit; a variation, if there are no words to say what to change. Fields come before files.

    Raises InvalidRequest.
    """
    request, rules = task.job.request, rules_of(task.model)
    varies = not str(request.get("prompt", "")).strip()
    if varies and not rules.varies:
        raise InvalidRequest(f"{task.model} does not vary a picture without words: a prompt is wanted", field="prompt")
    told = {**_asked(task, options), "size": _size(task, rules), **_strength(task, options)}
    if varies:
        told = {name: told.get(name) for name in ("model", "n", "size", "response_format", *options.extras)}
    fields = [Field(name, _text(value)) for name, value in told.items() if value is not None]
    fields.append(Field("image", Given("image", turn="png"), "image.png", _PNG))
    if not varies and (mask := _mask(task)):
        fields.append(Field("mask", mask, "mask.png", _PNG))
    path = "/images/variations" if varies else "/images/edits"
    return Call(method="POST", path=path, form=tuple(fields), pays=options.risky, timeout_s=options.timeout_s)


def pictures(task: Task, reply: Reply, options: Options) -> tuple[Item, ...]:
    """The answer to each of the three. Raises UpstreamMalformed: what is short of a picture has been paid for."""
    answer = json_of(reply, in_doubt=options.risky)
    data = answer.get("data")
    if not isinstance(data, list) or len(data) < task.job.items or not all(isinstance(each, dict) for each in data):
        count = len(data) if isinstance(data, list) else 0
        raise UpstreamMalformed(
            f"the upstream answered with {count} of {task.job.items} pictures", in_doubt=options.risky
        )
    shared = _facts(task, answer, reply, options)
    return tuple(_picture(each, answer, shared, options) for each in data[: task.job.items])


def _asked(task: Task, options: Options) -> dict[str, Any]:
    """What all requests say, in the order that OpenAI lists it. None is not sent."""
    request, rules, n = task.job.request, rules_of(task.model), task.job.items
    if request.get("faceswap"):
        raise InvalidRequest("this upstream swaps no faces", field="faceswap")
    if n > rules.most:
        raise InvalidRequest(f"{task.model} makes {rules.most} a request; these would be {n}", field="n")
    format = request.get("format", "png")
    return {
        "model": task.model,
        "prompt": request.get("prompt", ""),
        "n": n,
        "quality": _quality(request, rules),
        "response_format": None if rules.inline else options.answers or None,
        "output_format": format if rules.inline else None,
        "output_compression": request.get("quality") if rules.inline and format != "png" else None,
        **{name: request[name] for name in ("seed", "negative_prompt", "steps") if name in options.extras & {*request}},
    }


def _quality(request: Mapping[str, Any], rules: Rules) -> str | None:
    """As the caller called it, if the model has that; else by the steps that were asked for."""
    if not rules.qualities:
        return None
    said = (request.get("openai") or {}).get("quality")
    if said in rules.qualities:
        return str(said)
    steps = request.get("steps", 20)
    if rules.family == "dall-e-3":
        return "hd" if steps >= _FINE else "standard"
    return "high" if steps >= _FINE else "low" if steps < _ROUGH else "medium"


def _size(task: Task, rules: Rules) -> str | None:
    """Raises InvalidRequest if the model does not make it; None if it may choose."""
    request = task.job.request
    if not request.get("width"):
        return None
    size = f"{request['width']}x{request['height']}"
    if rules.sizes and size not in rules.sizes:
        raise InvalidRequest(f"{task.model} makes {', '.join(rules.sizes)}, and not {size}", field="size")
    return size


def _strength(task: Task, options: Options) -> dict[str, Any]:
    strength = task.job.request.get("denoising_strength")
    return {} if strength is None or "strength" not in options.extras else {"strength": strength}


def _mask(task: Task) -> Given | None:
    """Transparent where the picture is to be painted anew: the opposite of a WebUI's."""
    request = task.job.request
    if request.get("mask_from_alpha"):
        return Given("mask" if "mask" in task.job.inputs else "image", turn="png")
    if "mask" not in task.job.inputs:
        return None
    inverted = request.get("inpainting_mask_invert")
    return Given("mask", turn="clear_where_black" if inverted else "clear_where_white")


def _text(value: Any) -> str:
    """Numbers and switches are words in a form."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _facts(task: Task, answer: Mapping[str, Any], reply: Reply, options: Options) -> dict[str, Any]:
    """What is worth knowing of all pictures of one answer."""
    request = task.job.request
    meant = {
        "negative_prompt": bool(request.get("negative_prompt")),
        "strength": task.job.kind == Kind.IMAGE_EDIT and "denoising_strength" in request,
        "seed": "webui" in request,  # others are given one by us, and never asked for it
    }
    facts: dict[str, Any] = {name: answer[name] for name in _TOLD if isinstance(answer.get(name), str)}
    if isinstance(answer.get("usage"), dict):
        facts["usage"] = answer["usage"]
    if request_id := reply.headers.get("x-request-id"):
        facts["request_id"] = request_id
    if ignored := [name for name, is_meant in meant.items() if is_meant and name not in options.extras]:
        facts["ignored"] = ignored
    return facts


def _picture(each: Mapping[str, Any], answer: Mapping[str, Any], shared: dict[str, Any], options: Options) -> Item:
    """Whichever way it comes: clients look at `b64_json` first. Raises UpstreamMalformed."""
    format = answer.get("output_format")
    kind = f"image/{format}" if isinstance(format, str) else None
    if each.get("b64_json"):
        file = File(data=from_base64(each["b64_json"], in_doubt=options.risky), content_type=kind)
    elif isinstance(each.get("url"), str) and each["url"].startswith("data:"):
        file = File(data=from_base64(each["url"], in_doubt=options.risky), content_type=kind)
    elif isinstance(each.get("url"), str) and each["url"]:
        file = File(url=each["url"], content_type=kind)
    else:
        raise UpstreamMalformed("the upstream answered with a picture that is not there", in_doubt=options.risky)
    revised = each.get("revised_prompt")
    return Done((file,), metadata={**shared, **({"revised_prompt": revised} if isinstance(revised, str) else {})})
