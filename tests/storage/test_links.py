"""A media link proves that we made it."""

import base64

import pytest
from pydantic import SecretStr

from storage.ids import OutputId, Part, new_job_id, output_id
from storage.links import Links


@pytest.fixture
def links() -> Links:
    return Links(SecretStr("s" * 32))


def token_of(path: str) -> str:
    root, media, token, name = path.split("/")
    assert (root, media, name) == ("", "media", "song.mp3")
    return token


def test_a_link_leads_back_to_its_output(links: Links) -> None:
    job = new_job_id()
    path = links.path(output_id(job, 2, Part.COVER), "song.mp3")
    assert links.read(token_of(path)) == OutputId(job, 2, Part.COVER)


def test_a_link_is_the_same_each_time_and_after_a_restart(links: Links) -> None:
    id = output_id(new_job_id(), 1)
    assert links.path(id, "song.mp3") == links.path(id, "song.mp3") == Links(SecretStr("s" * 32)).path(id, "song.mp3")


def test_another_secret_knows_no_link_of_ours(links: Links) -> None:
    token = token_of(links.path(output_id(new_job_id(), 1), "song.mp3"))
    assert Links(SecretStr("t" * 32)).read(token) is None


def test_no_bit_of_a_token_can_be_changed(links: Links) -> None:
    token = token_of(links.path(output_id(new_job_id(), 1), "song.mp3"))
    raw = base64.urlsafe_b64decode(token + "==")
    assert len(raw) == 32
    for bit in range(len(raw) * 8):
        changed = (int.from_bytes(raw) ^ 1 << bit).to_bytes(len(raw))
        assert links.read(base64.urlsafe_b64encode(changed).decode().rstrip("=")) is None


@pytest.mark.parametrize("length", range(33))
def test_a_token_cut_short_is_refused(links: Links, length: int) -> None:
    raw = base64.urlsafe_b64decode(token_of(links.path(output_id(new_job_id(), 1), "song.mp3")) + "==")
    token = base64.urlsafe_b64encode(raw[:length]).decode().rstrip("=")
    assert (links.read(token) is None) == (length < 32)


@pytest.mark.parametrize("token", ["", "a", "ab", "....", "é", "a" * 43, "a" * 100_000, "\x00", "%2e%2e"])
def test_what_is_no_token_is_refused(links: Links, token: str) -> None:
    assert links.read(token) is None


def test_a_link_to_a_whole_job_is_refused(links: Links) -> None:
    assert links.read(token_of(links.path(new_job_id(), "song.mp3"))) is None


def test_a_token_does_not_show_the_secret_or_the_name(links: Links) -> None:
    id = output_id(new_job_id(), 1)
    assert token_of(links.path(id, "song.mp3")) == links.path(id, "other.mp3").split("/")[2]
