"""Relays: what is sent, and what tells their dialects apart."""

import msgspec
import pytest

from storage.errors import InvalidRequest
from storage.job import Kind
from tests.workers.adapters.tasks import SONG, task
from workers.adapters.base import Prepaid
from workers.adapters.suno_relay import SunoRelay


def test_a_song_goes_out_in_suno_s_own_fields() -> None:
    call = SunoRelay().submit(task(Kind.MUSIC_GENERATE, negative_tags="metal"))
    assert call.path == "/suno/submit/music"
    assert call.json.items() >= {name: SONG[name] for name in ("prompt", "tags", "title")}.items()
    assert call.json["negative_tags"] == "metal"
    assert "task_id" not in call.json


def test_a_description_goes_out_alone_for_the_relay_would_drop_the_rest() -> None:
    body = SunoRelay().submit(task(Kind.MUSIC_GENERATE, gpt_description_prompt="ships")).json
    assert (body["gpt_description_prompt"], body["prompt"]) == ("ships", "")
    assert not {"title", "tags", "continue_clip_id"} & body.keys()


def test_an_extension_names_the_task_that_made_the_clip() -> None:
    body = SunoRelay().submit(task(Kind.MUSIC_EXTEND)).json
    assert (body["continue_clip_id"], body["task_id"]) == ("up-1", "task-up-1")
    assert (body["continue_at"], body["task"]) == (60.5, "extend")


def test_an_extension_of_a_clip_that_the_relay_did_not_make_is_not_sent() -> None:
    with pytest.raises(InvalidRequest, match="account"):
        SunoRelay().submit(msgspec.structs.replace(task(Kind.MUSIC_EXTEND), sources={}))


def test_concat_is_offered_only_where_the_host_is_said_to_have_it() -> None:
    assert Kind.MUSIC_CONCAT not in SunoRelay().kinds
    host = SunoRelay({"concat": True})
    assert Kind.MUSIC_CONCAT in host.kinds
    call = host.submit(task(Kind.MUSIC_CONCAT))
    assert (call.path, call.json) == ("/suno/submit/concat", {"clip_id": "up-1", "is_infill": False})


@pytest.mark.parametrize("path", ["/suno/fetch", "/suno/submit/fetch"])
def test_batches_are_asked_for_where_the_host_has_them(path: str) -> None:
    call = SunoRelay({"batch_path": path}).poll(["a", "b"])
    assert (call.method, call.path, call.json) == ("POST", path, {"ids": ["a", "b"], "action": "MUSIC"})


def test_one_task_can_be_asked_for_by_itself() -> None:
    call = SunoRelay().single("task_a")
    assert call
    assert (call.method, call.path) == ("GET", "/suno/fetch/task_a")


def test_a_relay_does_not_say_what_is_left_and_lists_nothing() -> None:
    assert not isinstance(SunoRelay(), Prepaid)
    assert SunoRelay().recent() is None
