"""The operators' operations as the documentation shows them."""

import msgspec

from api.examples import IN_DOUBT, told
from api.openapi import operation, problems, success
from storage.accounts import Account
from storage.capacity import AccountState, Fares
from storage.job import Status
from storage.ledger import Purse
from storage.standing import GIVEN_UP, doubt, shown

_STUDIO = Account(
    name="studio",
    adapter="suno",
    base_url="https://studio-api.prod.suno.com",
    models={"chirp-v4": "chirp-v4", "chirp-v3-0": "chirp-v4"},
    weight=2,
    concurrent=4,
    cost={"music.generate": 10},
)
_SPENT = Purse(2480.0, 1_751_328_000_000, 20.0, 2, {"key_1": 20.0})
_WELL = shown(_STUDIO, Fares(AccountState.OK, "", 0, 0, 3), _SPENT)
_EMPTY = _SPENT._replace(credits=0.0)
_TIRED = shown(_STUDIO, Fares(AccountState.NO_CREDITS, "0 credits are left", 1_751_328_000_000, 0, 0), _EMPTY)
_PAUSED = shown(_STUDIO, Fares(AccountState.PAUSED, "by the operator", 1_751_328_000_000, 0, 1), _SPENT)
_AGAIN = msgspec.structs.replace(IN_DOUBT, status=Status.QUEUED, upstream=None)
_GIVEN_UP = msgspec.structs.replace(IN_DOUBT, status=Status.FAILED, finished=1_751_328_600_000, error=GIVEN_UP)

ACCOUNTS = operation(
    responses={
        200: success("In the order of the file", {"object": "list", "data": [_TIRED]}),
        **problems(401, 403, 503),
    }
)
PAUSE = operation(responses={200: success("As it is now", _PAUSED), **problems(401, 403, 404, 503)})
RESUME = operation(responses={200: success("As it is now", _WELL), **problems(401, 403, 404, 503)})
DOUBTS = operation(
    responses={
        200: success("The longest first", {"object": "list", "data": [doubt(IN_DOUBT, IN_DOUBT.created)]}),
        **problems(401, 403, 503),
    }
)
RESUBMIT = operation(
    responses={200: success("The job, which waits again", told(IN_DOUBT)), **problems(401, 403, 404, 503)}
)
FAIL = operation(responses={200: success("The job, which has failed", told(IN_DOUBT)), **problems(401, 403, 404, 503)})
