"""How items are kept between two looks: whole, and forward only."""

import pytest

from storage.errors import ContentRefused, UpstreamMalformed
from workers.adapters.base import Done, Failed, File, Item, Pending
from workers.upstream.items import again, forward, kept

SONG = Done((File(url="https://cdn.example.com/a.mp3", content_type="audio/mpeg"),), "u1", {"title": "Sea"})


def test_items_come_back_as_they_were_kept() -> None:
    items: tuple[Item, ...] = (Pending(True, 0.4), SONG, Failed(ContentRefused("an artist's name"), "u2"))
    back = again(kept(items))
    assert back[:2] == items[:2]
    failed = back[2]
    assert isinstance(failed, Failed)
    assert (type(failed.error), str(failed.error), failed.id) == (ContentRefused, "an artist's name", "u2")


def test_bytes_are_not_kept() -> None:
    with pytest.raises(UpstreamMalformed):
        kept([Done((File(data=b"RIFF"),))])


FAILED = Failed(ContentRefused("no"))


@pytest.mark.parametrize(
    ("before", "now", "stands"),
    [
        (Pending(), Pending(begun=True), Pending(begun=True)),
        (Pending(begun=True), Pending(), Pending(begun=True)),
        (Pending(progress=0.6), Pending(progress=0.2), Pending(progress=0.6)),
        (Pending(progress=0.6), Pending(), Pending(progress=0.6)),
        (Pending(), SONG, SONG),
        (SONG, Pending(), SONG),
        (SONG, FAILED, SONG),
        (FAILED, SONG, FAILED),
    ],
)
def test_an_item_never_goes_back(before: Item, now: Item, stands: Item) -> None:
    assert forward([before], [now]) == (stands,)
