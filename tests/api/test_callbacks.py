"""Upstreams that call back: the job is asked after at once, whatever they say; nobody else can."""

from pydantic import SecretStr

from storage.callbacks import Callbacks
from storage.ids import new_job_id
from storage.job import Status
from tests.api.gateway import SECRET, Gateway

ADDRESSES = Callbacks(SecretStr(SECRET), "http://gateway.test")


async def waiting(gateway: Gateway) -> str:
    """A song that is not to be asked after for a while."""
    await gateway.alice.generate()
    store = gateway.services.store
    _, (held,) = await store.queue.claim("engines", 1, lease_s=60, taken=Status.SUBMITTING)
    held.account = "shop"
    assert await store.upstreams.intend(held, b"x", served_by="sunoapi")
    assert await store.upstreams.taken(held, ["t1"], ask_after_s=600)
    return held.id


async def due(gateway: Gateway) -> list[str]:
    return (await gateway.services.store.upstreams.due("shop", "w1", lease_s=5, most=9)).ids


async def test_a_job_is_asked_after_at_once(gateway: Gateway) -> None:
    job = await waiting(gateway)
    url = ADDRESSES.url("shop", job)
    assert url
    assert await due(gateway) == []
    for body in (b'{"code": 200, "data": {"callbackType": "complete"}}', b"nonsense"):
        answer = await gateway.nobody.post(url, content=body)
        assert answer.status_code == 200, answer.text
    assert await due(gateway) == [job]


async def test_one_that_waits_no_longer_is_not(gateway: Gateway) -> None:
    job = new_job_id()
    url = ADDRESSES.url("shop", job)
    assert url
    assert (await gateway.nobody.post(url)).status_code == 200
    assert await due(gateway) == []


async def test_an_address_that_was_made_up_leads_nowhere(gateway: Gateway) -> None:
    job = await waiting(gateway)
    url = ADDRESSES.url("other", job)
    assert url
    for wrong in (url.replace("/other/", "/shop/"), "/v1/callbacks/shop/AAAA"):
        assert (await gateway.nobody.post(wrong, json={})).status_code == 404
    assert await due(gateway) == []
