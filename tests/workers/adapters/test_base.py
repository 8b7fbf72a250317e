from storage.errors import ContentRefused, UpstreamMalformed
from workers.adapters.base import Done, Failed, Pending, spread


def test_a_task_that_waits_waits_with_all_its_items() -> None:
    assert spread([Pending(begun=True)], 2) == (Pending(begun=True), Pending(begun=True))


def test_a_task_that_failed_failed_with_all_its_items() -> None:
    failed = Failed(ContentRefused("no"))
    assert spread([failed], 2) == (failed, failed)


def test_an_item_that_was_promised_and_never_came_has_failed() -> None:
    first, second = spread([Done(())], 2)
    assert first == Done(())
    assert isinstance(second, Failed)
    assert isinstance(second.error, UpstreamMalformed)


def test_what_is_told_beyond_the_items_is_cut() -> None:
    assert spread([Done(()), Pending()], 1) == (Done(()),)


def test_nothing_told_is_nothing_known() -> None:
    assert spread([], 2) == (Pending(), Pending())
