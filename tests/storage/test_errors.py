"""The tree of errors is complete, and its docstring draws it truly."""

import re
from collections.abc import Iterator

from storage import errors
from storage.errors import GatewayError


def tree(node: type[GatewayError] = GatewayError, depth: int = 0) -> Iterator[tuple[int, type[GatewayError]]]:
    """Every class of `storage/errors.py` with its depth, in the order of definition."""
    yield depth, node
    for child in node.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child, depth + 1)


LEAVES = [node for _, node in tree() if not node.__subclasses__()]


def test_every_leaf_has_a_code_of_its_own() -> None:
    codes = [leaf.__dict__["code"] for leaf in LEAVES]
    assert len(set(codes)) == len(codes) > 20
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


def test_only_leaves_have_codes() -> None:
    assert [node for _, node in tree() if "code" in node.__dict__ and node not in LEAVES] == []


def test_the_docstring_draws_the_tree() -> None:
    assert errors.__doc__ is not None
    drawn = re.findall(r"^    ( *)([A-Z]\w+)(?:  .*)?$", errors.__doc__, re.MULTILINE)
    assert [(len(indent) // 4, name) for indent, name in drawn] == [(depth, node.__name__) for depth, node in tree()]


def test_the_caller_is_never_told_to_repeat_a_request_that_is_wrong() -> None:
    of_callers = [leaf for leaf in LEAVES if issubclass(leaf, errors.RequestError)]
    assert of_callers
    assert not [leaf for leaf in of_callers if leaf.retryable]


def test_faults_are_those_of_the_branch() -> None:
    faults = {leaf.__name__: leaf.fault for leaf in LEAVES}
    assert {faults[name] for name in ("NotFound", "TooLarge", "KeyReused")} == {"caller"}
    assert {faults[name] for name in ("UpstreamBusy", "UpstreamRefused")} == {"upstream"}
    assert {faults[name] for name in ("EngineLost", "RedisUnavailable", "WorkerLost")} == {"gateway"}


def test_a_request_error_names_its_field() -> None:
    error = errors.InvalidRequest("must be positive", field="input.seconds")
    assert (str(error), error.field) == ("must be positive", "input.seconds")
