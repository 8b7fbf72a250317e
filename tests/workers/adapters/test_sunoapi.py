"""sunoapi.org: what is sent."""

from typing import Any

import msgspec
import pytest

from storage.errors import InvalidRequest
from storage.job import Kind
from tests.workers.adapters.tasks import SONG, task
from workers.adapters.base import CalledBack, Prepaid
from workers.adapters.sunoapi import SunoApi


def sent(kind: Kind, **request: Any) -> dict[str, Any]:
    body = SunoApi().submit(task(kind, model="V4_5", **request)).json
    assert isinstance(body, dict)
    return body


def test_lyrics_with_a_style_are_the_custom_mode() -> None:
    assert sent(Kind.MUSIC_GENERATE, negative_tags="metal") == {
        "customMode": True,
        "instrumental": False,
        "model": "V4_5",
        "prompt": SONG["prompt"],
        "style": SONG["tags"],
        "title": SONG["title"],
        "negativeTags": "metal",
        "callBackUrl": "https://callback.invalid/",
    }


def test_a_description_is_not() -> None:
    body = sent(Kind.MUSIC_GENERATE, gpt_description_prompt="ships")
    assert (body["customMode"], body["prompt"]) == (False, "ships")
    assert not {"style", "title"} & body.keys()


def test_an_instrumental_needs_no_lyrics_and_sends_none() -> None:
    body = sent(Kind.MUSIC_GENERATE, make_instrumental=True)
    assert (body["customMode"], body["instrumental"]) == (True, True)
    assert "prompt" not in body


def test_a_song_without_lyrics_has_them_written_from_its_style() -> None:
    body = sent(Kind.MUSIC_GENERATE, prompt=None)
    assert (body["customMode"], body["instrumental"], body["prompt"]) == (False, False, SONG["tags"])


def test_instrumental_is_always_said_for_null_is_refused() -> None:
    assert sent(Kind.MUSIC_GENERATE, make_instrumental=None)["instrumental"] is False


def test_a_song_without_a_title_gets_one_for_the_upstream_insists() -> None:
    assert sent(Kind.MUSIC_GENERATE, title=" ")["title"] == "Untitled"


@pytest.mark.parametrize("kind", [Kind.MUSIC_GENERATE, Kind.MUSIC_EXTEND])
def test_without_a_style_nothing_is_sent(kind: Kind) -> None:
    with pytest.raises(InvalidRequest) as caught:
        sent(kind, tags="")
    assert caught.value.field == "tags"


def test_the_caller_s_callback_url_goes_out_where_there_is_one() -> None:
    call = SunoApi().submit(task(Kind.MUSIC_GENERATE, callback_url="https://gateway.example/told"))
    assert call.json["callBackUrl"] == "https://gateway.example/told"


def test_an_extension_says_where_it_begins() -> None:
    body = sent(Kind.MUSIC_EXTEND)
    assert (body["defaultParamFlag"], body["audioId"], body["continueAt"]) == (True, "up-1", 60.5)
    assert (body["style"], body["title"], body["model"]) == (SONG["tags"], SONG["title"], "V4_5")


def test_an_extension_of_another_account_s_clip_is_not_sent() -> None:
    with pytest.raises(InvalidRequest, match="account"):
        SunoApi().submit(msgspec.structs.replace(task(Kind.MUSIC_EXTEND), sources={}))


def test_there_is_no_concat_for_extensions_are_whole() -> None:
    assert Kind.MUSIC_CONCAT not in SunoApi().kinds


def test_a_poll_is_of_one_task() -> None:
    call = SunoApi().poll(["a"])
    assert (call.method, call.path, call.query) == ("GET", "/api/v1/generate/record-info", {"taskId": "a"})


def test_it_calls_back_and_says_what_is_left() -> None:
    assert isinstance(SunoApi(), CalledBack)
    assert isinstance(SunoApi(), Prepaid)
