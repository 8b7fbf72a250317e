"""What relayed chats took is counted: as the upstream says, also where nobody asked for it, and whoever has left."""

from storage.ledger import Talk
from tests.api.chat.relaying import CHAT, Relayed, asked, err, faking
from tests.waiting import until


async def counted(relayed: Relayed, account: str, chats: int) -> Talk:
    """What is written down of an account, once so many chats are."""

    async def all_of_them() -> Talk | None:
        (purse,) = await relayed.store.ledger.of(account)
        assert set(purse.tokens) <= {relayed.owner}
        return purse.talk if purse.talk.chats == chats else None

    found: Talk = await until(all_of_them, "the chats are counted")
    return found


async def test_tokens_are_counted_of_wholes_and_of_streams_that_did_not_ask(relayed: Relayed) -> None:
    async with faking() as fake:
        (name,) = await relayed.serves(fake)
        whole = (await relayed.http.post(CHAT, json=asked())).json()["usage"]
        streamed = await relayed.http.post(CHAT, json=asked(stream=True))
        assert '"usage"' not in streamed.text
        talk = await counted(relayed, name, 2)
    assert talk == Talk(2, 0, 2 * whole["prompt_tokens"], 2 * whole["completion_tokens"])


async def test_an_answer_that_breaks_off_is_counted_as_untold_and_a_refusal_not_at_all(relayed: Relayed) -> None:
    async with faking() as fake:
        (name,) = await relayed.serves(fake)
        err(fake, "ends_early,times=1")
        assert '"error"' in (await relayed.http.post(CHAT, json=asked(stream=True))).text
        err(fake, "moderated,times=1")
        assert (await relayed.http.post(CHAT, json=asked())).status_code == 400
        assert await counted(relayed, name, 1) == Talk(1, 1, 0, 0)
