from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from cli.main import main
from tests.cli.commands import ai_gateway


def every_command(command: click.Command, *words: str) -> Iterator[list[str]]:
    yield [*words]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner
            yield from every_command(inner, *words, name)


@pytest.mark.parametrize("words", [*every_command(main)], ids=" ".join)
def test_every_command_explains_itself(words: list[str]) -> None:
    shown = CliRunner().invoke(main, [*words, "-h"])
    assert shown.exit_code == 0
    assert shown.output.startswith("Usage: ")


def test_a_worker_s_lanes_are_checked_before_anything_is_connected() -> None:
    nowhere = {
        "GATEWAY_REDIS_URL": "redis://127.0.0.1:9/0",
        "GATEWAY_S3_ENDPOINT": "http://127.0.0.1:9",
        "GATEWAY_S3_ACCESS_KEY": "unused",
        "GATEWAY_S3_SECRET_KEY": "unused",
        "GATEWAY_SECRET": "s" * 32,
    }
    refused = ai_gateway("worker", "--lanes", "engines,images", **nowhere)
    assert refused.returncode == 2
    assert "no lane is called images; there are: engines" in refused.stderr


def test_without_a_gateway_the_environment_must_say_which_is_meant(tmp_path: object) -> None:
    refused = ai_gateway("key", "list", "--data", str(tmp_path))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: no gateway runs on {tmp_path}, and the environment is not complete: ")
