"""Suno's own API: what is sent, and the traps that a saved reply cannot show."""

import msgspec
import pytest

from storage.errors import InvalidRequest
from storage.job import Kind
from storage.wire.reply import Reply
from tests.workers.adapters.saved import reply
from tests.workers.adapters.tasks import SONG, task
from workers.adapters.base import Pending, Prepaid, Task
from workers.adapters.suno import Suno

SINCE = 1_795_860_000_000
EARLIER, LATER = "2026-11-28T09:59:00Z", "2026-11-28T10:00:05Z"


def sent(task: Task, **options: str) -> dict[str, object]:
    body = Suno(options).submit(task).json
    assert isinstance(body, dict)
    return body


def feed(*clips: dict[str, object]) -> Reply:
    return reply(200, msgspec.json.encode([{"status": "queued", **clip} for clip in clips]))


def clip(id: str, at: str = LATER, title: str = SONG["title"], **details: object) -> dict[str, object]:
    words = {"prompt": SONG["prompt"], "tags": SONG["tags"], "type": "gen"}
    return {"id": id, "title": title, "created_at": at, "metadata": {**words, **details}}


def test_lyrics_go_out_with_their_style_under_the_account_s_own_name_of_the_model() -> None:
    call = Suno().submit(task(Kind.MUSIC_GENERATE, model="chirp-auk"))
    assert call.path == "/api/generate/v2/"
    assert call.json == {
        "prompt": SONG["prompt"],
        "tags": SONG["tags"],
        "title": SONG["title"],
        "mv": "chirp-auk",
        "make_instrumental": False,
        "generation_type": "TEXT",
    }


def test_a_description_goes_out_with_empty_lyrics_and_neither_style_nor_title() -> None:
    body = sent(task(Kind.MUSIC_GENERATE, gpt_description_prompt="a song about ships"))
    assert body["gpt_description_prompt"] == "a song about ships"
    assert body["prompt"] == ""
    assert not {"tags", "title", "task", "continue_clip_id"} & body.keys()


def test_a_blank_description_is_none() -> None:
    assert "gpt_description_prompt" not in sent(task(Kind.MUSIC_GENERATE, gpt_description_prompt="  "))


def test_an_extension_names_the_clip_as_the_upstream_does_and_says_that_it_is_one() -> None:
    body = sent(task(Kind.MUSIC_EXTEND))
    assert (body["continue_clip_id"], body["continue_at"], body["task"]) == ("up-1", 60.5, "extend")


def test_an_extension_s_title_is_never_null() -> None:
    assert sent(task(Kind.MUSIC_EXTEND, title=None))["title"] == ""


def test_a_description_beside_an_extension_is_left_out() -> None:
    body = sent(task(Kind.MUSIC_EXTEND, gpt_description_prompt="a song about ships"))
    assert "gpt_description_prompt" not in body
    assert body["prompt"] == SONG["prompt"]


@pytest.mark.parametrize("kind", [Kind.MUSIC_EXTEND, Kind.MUSIC_CONCAT])
def test_a_clip_of_another_account_is_not_sent(kind: Kind) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Suno().submit(msgspec.structs.replace(task(kind), sources={}))
    assert caught.value.field in ("continue_clip_id", "clip_id")


def test_a_concat_names_the_last_extension_and_no_more() -> None:
    call = Suno().submit(task(Kind.MUSIC_CONCAT, is_infill=True))
    assert call.path == "/api/generate/concat/v2/"
    assert call.json == {"clip_id": "up-1", "is_infill": False}


def test_what_a_caller_adds_of_suno_s_own_fields_does_not_go_out() -> None:
    body = sent(task(Kind.MUSIC_GENERATE, token="t", transaction_uuid="u", task="cover", persona_id="p"))
    assert not {"token", "transaction_uuid", "task", "persona_id"} & body.keys()


def test_v2_web_gets_every_key_it_wants_to_see_and_no_token() -> None:
    call = Suno({"generate": "v2-web", "user_tier": "pro"}).submit(task(Kind.MUSIC_GENERATE))
    assert call.path == "/api/generate/v2-web/"
    assert call.json["override_fields"] == []
    nulls = ["token", "cover_clip_id", "persona_id", "artist_clip_id", "continue_clip_id", "continue_at"]
    assert all(call.json[name] is None for name in nulls)
    assert call.json["metadata"]["create_mode"] == "custom"
    assert call.json["metadata"]["user_tier"] == "pro"


def test_v2_web_knows_a_job_that_is_sent_again_and_tells_it_from_others() -> None:
    one, again = (sent(task(Kind.MUSIC_GENERATE), generate="v2-web") for _ in range(2))
    job = msgspec.structs.replace(task(Kind.MUSIC_GENERATE).job, id="01890000-0000-7000-8000-000000010000")
    other = sent(Task(job=job, model="chirp-v4"), generate="v2-web")
    assert one["transaction_uuid"] == again["transaction_uuid"] != other["transaction_uuid"]


def test_v2_web_is_told_a_description_as_simple() -> None:
    body = sent(task(Kind.MUSIC_GENERATE, gpt_description_prompt="ships"), generate="v2-web")
    assert isinstance(body["metadata"], dict)
    assert body["metadata"]["create_mode"] == "simple"


@pytest.mark.parametrize(
    ("version", "asks"),
    [
        ("v1", ("GET", "/api/feed/", {"ids": "a,b"}, None)),
        ("v2", ("GET", "/api/feed/v2", {"ids": "a,b", "page": "0"}, None)),
        (
            "v3",
            ("POST", "/api/feed/v3", {}, {"filters": {"ids": {"presence": "True", "clipIds": ["a", "b"]}}, "limit": 2}),
        ),
    ],
)
def test_each_version_of_the_feed_is_asked_in_its_own_way(version: str, asks: tuple[object, ...]) -> None:
    call = Suno({"feed": version}).poll(["a", "b"])
    assert (call.method, call.path, call.query, call.json) == asks


def test_one_clip_without_an_id_does_not_hide_the_others() -> None:
    assert Suno().read(feed({"id": None}, {"id": "a"}, {"id": 7})) == {"a": (Pending(),)}


def test_covers_come_with_a_clip_and_what_is_no_link_does_not() -> None:
    done = {"id": "a", "status": "complete", "audio_url": "https://cdn1.suno.ai/a.mp3"}
    both = {"image_url": "https://cdn2.suno.ai/image_a.jpeg", "image_large_url": "javascript:alert(1)"}
    [item] = Suno().read(feed(done | both))["a"]
    assert [file.part for file in getattr(item, "files", ())] == ["main", "cover"]


@pytest.mark.parametrize("url", ["None.mp3", "ftp://cdn1.suno.ai/a.mp3", "https:///a.mp3", "https://[", 7, None])
def test_what_is_no_link_is_no_file(url: object) -> None:
    assert Suno().read(feed({"id": "a", "status": "complete", "audio_url": url}))["a"] == (
        Pending(begun=True, after_s=15.0),
    )


def test_nothing_of_the_account_and_no_id_of_the_upstream_is_told_to_callers() -> None:
    owner = {
        "user_id": "u-1",
        "handle": "somebody",
        "display_name": "Somebody",
        "avatar_image_url": "https://x.example",
    }
    lineage = {"metadata": {"history": [{"id": "up-1"}], "audio_prompt_id": "up-1", "has_vocal": True, "bpm": 92}}
    done = {"id": "a", "status": "complete", "audio_url": "https://cdn1.suno.ai/a.mp3"}
    [item] = Suno().read(feed(done | owner | lineage | {"explicit": False}))["a"]
    assert getattr(item, "metadata", None) == {"upstream": {"explicit": False, "metadata": {"bpm": 92}}}


def test_a_description_is_found_by_itself_for_the_words_are_upstream_s() -> None:
    asked = task(Kind.MUSIC_GENERATE, gpt_description_prompt="ships")
    made = clip("a", title="Of Ships", prompt="[Verse] others", tags="shanty", gpt_description_prompt="ships")
    assert [one.ids for one in Suno().found(asked, SINCE, feed(made, clip("b")))] == [("a",)]


def test_a_song_without_a_title_is_found_under_whatever_suno_calls_it() -> None:
    found = Suno().found(task(Kind.MUSIC_GENERATE, title=None), SINCE, feed(clip("a", title="Untitled 7")))
    assert [one.ids for one in found] == [("a",)]


def test_what_was_made_before_the_attempt_is_not_it() -> None:
    assert Suno().found(task(Kind.MUSIC_GENERATE), SINCE, feed(clip("a", EARLIER), clip("b", EARLIER))) == []


@pytest.mark.parametrize(("kind", "found"), [(Kind.MUSIC_EXTEND, ["b"]), (Kind.MUSIC_CONCAT, ["c"])])
def test_where_the_source_is_not_told_any_extension_or_whole_may_be_it(kind: Kind, found: list[str]) -> None:
    steps = [{"id": "up-9", "continue_at": 60.5}]
    clips = [clip("a"), clip("b", history=steps), clip("c", type="concat", concat_history=steps)]
    unsourced = msgspec.structs.replace(task(kind), sources={})
    assert [id for one in Suno().found(unsourced, SINCE, feed(*clips)) for id in one.ids] == found


def test_no_more_clips_are_taken_than_the_job_has_items() -> None:
    answer = reply(200, msgspec.json.encode({"clips": [clip(id) for id in "abc"]}))
    assert Suno().taken(task(Kind.MUSIC_GENERATE), answer).ids == ("a", "b")


def test_four_clips_of_one_moment_are_two_submissions() -> None:
    found = Suno().found(task(Kind.MUSIC_GENERATE), SINCE, feed(*(clip(id) for id in "abcd")))
    assert [one.ids for one in found] == [("a", "b"), ("c", "d")]


def test_what_other_jobs_have_is_left_out_before_clips_are_put_together() -> None:
    asked = msgspec.structs.replace(task(Kind.MUSIC_GENERATE), others=frozenset({"a", "c"}))
    found = Suno().found(asked, SINCE, feed(*(clip(id) for id in "abcd")))
    assert [(one.ids, one.whole) for one in found] == [(("b", "d"), True)]


def test_one_clip_of_two_is_not_all_of_it() -> None:
    assert [one.whole for one in Suno().found(task(Kind.MUSIC_GENERATE), SINCE, feed(clip("a")))] == [False]


def test_line_breaks_that_upstream_changed_do_not_hide_a_song() -> None:
    made = clip("a", prompt="[Verse]\r\nShips come  home\n")
    assert len(Suno().found(task(Kind.MUSIC_GENERATE), SINCE, feed(made))) == 1


def test_the_recent_clips_are_the_feed_without_ids() -> None:
    for version in ("v1", "v2", "v3"):
        call = Suno({"feed": version}).recent()
        assert call
        assert "ids" not in str(call.query) + str(call.json)


def test_credits_can_be_asked_for() -> None:
    assert isinstance(Suno(), Prepaid)
    assert Suno().credits().path == "/api/billing/info/"
