"""What becomes of a job when its upstream fails it: each fault that a fake can be told to have, by kinds of accounts.

`test_matrix.py` tries every cell on real parts, and fails if a fake can err in a way that is in no row here;
docs/faults.md is made of this by `python -m docs.faults`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from storage.capacity import AccountState

Word = Literal["succeeded", "partly", "failed", "held", "waits"]

OK, COOLING, EXPIRED = AccountState.OK, AccountState.COOLING, AccountState.SESSION_EXPIRED


class Column(NamedTuple):
    """A kind of account. `options`: its own, as TOML."""

    adapter: str
    options: str = ""


COLUMNS = {
    "suno": Column("suno"),
    "suno_relay": Column("suno_relay"),
    "sunoapi": Column("sunoapi"),
    "openai": Column("openai"),
    "anthropic": Column("anthropic"),
    "webui": Column("webui"),
    "webui, paid": Column("webui", "paid = true"),
    "whisper_asr": Column("whisper_asr"),
    "whisper_asr, paid": Column("whisper_asr", "paid = true"),
}


class Ends(NamedTuple):
    """How a job stands as long as the fault is on and nobody does anything, and why. `partly`: some of it was made;
    `held`: in doubt, until an operator says what became of it; `waits`: for the account, however long it takes.

    `accepts`: how many of its calls the upstream took, exactly. `account`: how that fares.
    """

    word: Word
    code: str = ""
    accepts: int = 1
    account: AccountState = OK


class Row(NamedTuple):
    """A fault, as the command line writes it (several: with spaces between), and how it ends by columns. `says`: what
    goes wrong, in an operator's words. `asks`: what is asked for (`asked.py`), if not the usual; by columns, if they
    differ in it."""

    fault: str
    says: str
    ends: Mapping[str, Ends]
    asks: str | Mapping[str, str] = ""

    def asked(self, column: str) -> str:
        return self.asks if isinstance(self.asks, str) else self.asks.get(column, "")


class Cell(NamedTuple):
    column: str
    fault: str
    ends: Ends
    asks: str = ""


DONE, AGAIN = Ends("succeeded"), Ends("succeeded", accepts=2)


def failed(code: str, accepts: int = 1, account: AccountState = OK) -> Ends:
    return Ends("failed", code, accepts, account)


def partly(code: str) -> Ends:
    return Ends("partly", code)


def held(code: str, accepts: int, account: AccountState = OK) -> Ends:
    return Ends("held", code, accepts, account)


def waits(code: str, account: AccountState, accepts: int = 0) -> Ends:
    return Ends("waits", code, accepts, account)


def at(ends: Ends, *columns: str) -> dict[str, Ends]:
    """The same in several columns."""
    return dict.fromkeys(columns, ends)


SONGS = ("suno", "suno_relay", "sunoapi")
FREE = ("webui", "whisper_asr")
BLIND = ("suno_relay", "sunoapi", "openai", "anthropic", "webui, paid", "whisper_asr, paid")
"""What costs something, and cannot be asked what became of a call."""

PAID = ("suno", *BLIND)
BUSY, GONE, BAD = "upstream_busy", "upstream_disconnected", "upstream_malformed"
FAILED, REFUSED, LATE = "upstream_failed", "upstream_refused", "upstream_timed_out"


def _not_taken(code: str, account: AccountState = OK) -> dict[str, Ends]:
    """A call that was lost on its way there: nobody here can know."""
    return at(held(code, 0, account), *PAID) | at(DONE, *FREE)


def _taken(code: str, free: Ends) -> dict[str, Ends]:
    """A call whose answer was lost."""
    return at(DONE, "suno") | at(held(code, 1), *BLIND) | at(free, *FREE)


SENT = (
    Row("slow=0.2", "the answer comes late", at(DONE, *COLUMNS)),
    Row(
        "slow=60,times=1",
        "no answer in the time it has, once",
        at(held(LATE, 1), "openai", "anthropic", "webui, paid", "whisper_asr, paid") | at(AGAIN, *FREE),
        {name: f"{column.adapter}, in 3 s" for name, column in COLUMNS.items()},
    ),
    Row("busy=0,times=2", "429, twice", at(DONE, *COLUMNS)),
    Row("busy=0", "429, always", at(waits(BUSY, COOLING), *COLUMNS)),
    Row("error,times=1", "503, once", _not_taken(BUSY, COOLING) | at(DONE, *FREE)),
    Row("error", "503, always", at(held(BUSY, 0, COOLING), *PAID) | at(waits(BUSY, COOLING), *FREE)),
    Row("error=500,times=1", "500, once", _not_taken(FAILED)),
    Row("error=500", "500, always", at(held(FAILED, 0), *PAID) | at(failed(FAILED, 0, COOLING), *FREE)),
    Row("error_after,times=1", "taken, and then a proxy's 502, once", _taken(FAILED, AGAIN)),
    Row("error_after", "taken, and then a proxy's 502, always", _taken(FAILED, failed(FAILED, 6, COOLING))),
    Row("reset_before,times=1", "cut off before it was taken, once", _not_taken(GONE)),
    Row(
        "reset_before",
        "cut off before it was taken, always",
        at(held(GONE, 0), *PAID) | at(failed(GONE, 0, COOLING), *FREE),
    ),
    Row("reset_after,times=1", "taken, and cut off before the answer, once", _taken(GONE, AGAIN)),
    Row("reset_after", "taken, and cut off before the answer, always", _taken(GONE, failed(GONE, 6, COOLING))),
    Row("html,times=1", "a web page for an answer, once", _taken(BAD, AGAIN)),
    Row("html", "a web page for an answer, always", _taken(BAD, failed(BAD, 6, COOLING))),
    Row("cut_json,times=1", "half an answer, once", _taken(BAD, AGAIN)),
    Row("cut_json", "half an answer, always", _taken(BAD, failed(BAD, 6, COOLING))),
    Row("session_expired,times=2", "our credential is refused, and renewed", at(DONE, *COLUMNS)),
    Row(
        "session_expired",
        "our credential is refused",
        at(waits("upstream_session_expired", EXPIRED), *COLUMNS),
    ),
    Row(
        "no_credits",
        "nothing left to pay with",
        at(waits("upstream_out_of_credits", AccountState.NO_CREDITS), *SONGS, "openai", "anthropic"),
    ),
    Row(
        "no_balance",
        "nothing left to pay with, in words only",
        at(waits("upstream_out_of_credits", AccountState.NO_CREDITS), "anthropic"),
    ),
    Row(
        "challenge",
        "it wants to see a person",
        at(waits("upstream_challenged", AccountState.CHALLENGE), "suno", "suno_relay"),
    ),
    Row(
        "suspended",
        "the account is closed",
        at(waits("upstream_suspended", AccountState.SUSPENDED), "openai", "anthropic"),
    ),
    Row("moderated", "it will not make this", at(failed("content_refused", 0), *SONGS, "openai")),
    Row("no_channel,times=2", "the relay has no account free, twice", at(DONE, "suno_relay")),
    Row("no_channel", "the relay has no account free", at(waits(BUSY, COOLING), "suno_relay")),
    Row("maintenance,times=1", "it is being mended, once", at(DONE, "sunoapi")),
    Row("maintenance", "it is being mended", at(waits(BUSY, COOLING), "sunoapi")),
    Row("code=1,times=1,on=submit", "yes, in another dialect than the account's", at(held(BAD, 1), "suno_relay")),
    Row("no_clips,times=1", "yes, and no name of what it makes", at(DONE, "suno") | at(held(BAD, 1), *SONGS[1:])),
    Row("no_concat", "it joins no songs", at(failed(REFUSED, 0), "suno_relay"), "a whole"),
    Row("overloaded", "503 in its own words", at(held(BUSY, 0, COOLING), "openai")),
    Row("overloaded", "529 in its own words", at(waits(BUSY, COOLING), "anthropic")),
    Row("failed", "500 in its own words", at(held(FAILED, 0), "openai", "anthropic")),
    Row("timed_out", "504 in its own words", at(held(LATE, 0), "anthropic")),
    Row("forbidden", "the account may not do this", at(failed(REFUSED, 0), "anthropic")),
    Row("no_model", "it has no such model", at(failed(REFUSED, 0), "openai", "anthropic")),
    Row("too_long", "it is asked for too much", at(failed(REFUSED, 0), "openai", "anthropic")),
    Row("too_large", "413", at(failed(REFUSED, 0), "anthropic")),
    Row("out_of_memory,times=1", "out of memory, once", at(DONE, "webui", "webui, paid")),
    Row("out_of_memory", "out of memory, always", at(failed(FAILED, 0, COOLING), "webui", "webui, paid")),
    Row("forge_fails", "Forge fails in its own words", at(failed(FAILED, 0, COOLING), "webui", "webui, paid")),
    Row("no_api", "no such path", at(failed(REFUSED, 0), "webui", "webui, paid")),
    Row(
        "subgen",
        "Subgen fails, and says so with 200",
        at(failed(FAILED, 6, COOLING), "whisper_asr") | at(failed(FAILED), "whisper_asr, paid"),
    ),
)
"""When the job is sent."""

_ASKED = (*SONGS, "webui")

FOLLOWED = (
    Row("slow=0.2,on=poll", "the answer comes late", at(DONE, *_ASKED)),
    Row("busy=0,times=2,on=poll", "429, twice", at(Ends("succeeded", account=COOLING), *SONGS) | at(DONE, "webui")),
    Row("error,times=2,on=poll", "503, twice", at(Ends("succeeded", account=COOLING), *SONGS) | at(DONE, "webui")),
    Row("error,on=poll", "503, always", at(failed(BUSY, 1, COOLING), *SONGS) | at(DONE, "webui")),
    Row("error=500,on=poll", "500, always", at(failed(FAILED, 1, COOLING), *SONGS) | at(DONE, "webui")),
    Row("error_after,times=2,on=poll", "a proxy's 502, twice", at(DONE, *_ASKED)),
    Row("reset_before,times=2,on=poll", "cut off, twice", at(DONE, *_ASKED)),
    Row("reset_after,times=2,on=poll", "cut off before the answer, twice", at(DONE, *_ASKED)),
    Row("reset_after,on=poll", "cut off, always", at(failed(GONE, 1, COOLING), *SONGS) | at(DONE, "webui")),
    Row("html,times=2,on=poll", "a web page for an answer, twice", at(DONE, *_ASKED)),
    Row("html,on=poll", "a web page, always", at(failed(BAD, 1, COOLING), *SONGS) | at(DONE, "webui")),
    Row("cut_json,times=2,on=poll", "half an answer, twice", at(DONE, *_ASKED)),
    Row(
        "session_expired,times=2,on=poll",
        "our credential is refused, and renewed",
        at(Ends("succeeded", account=EXPIRED), *SONGS) | at(DONE, "webui"),
    ),
    Row(
        "session_expired,on=poll",
        "our credential is refused",
        at(waits("", EXPIRED, 1), *SONGS) | at(DONE, "webui"),
    ),
    Row(
        "challenge,on=poll",
        "it wants to see a person",
        at(waits("", AccountState.CHALLENGE, 1), "suno", "suno_relay"),
    ),
    Row("code=1,times=2,on=poll", "another dialect than the account's, twice", at(DONE, "suno_relay")),
    Row("code=1,on=poll", "another dialect, always", at(failed(BAD, 1, COOLING), "suno_relay")),
    Row("missing=2", "the job is not listed at first", at(DONE, *SONGS)),
    Row("missing", "the job is never listed", at(DONE, "suno", "suno_relay") | at(failed(LATE), "sunoapi")),
    Row("one_missing=2", "one clip of two is not listed at first", at(DONE, *SONGS)),
    Row("one_missing", "one clip of two is never listed", at(DONE, *SONGS)),
    Row("never_finishes time_out", "the relay stops waiting for Suno", at(failed(LATE), "suno_relay")),
    Row("callback_lost", "it does not call back", at(DONE, "sunoapi")),
    Row("callback_twice", "it calls back twice", at(DONE, "sunoapi")),
    Row("callback_exception", "it says that its callback failed", at(DONE, "sunoapi")),
)
"""When it is asked how far the job is. Of a WebUI, that is of no account."""

MADE = (
    Row("never_finishes", "it never ends", at(failed(LATE), *SONGS)),
    Row("one_fails", "one clip of two fails", at(partly(FAILED), *SONGS)),
    Row("all_fail", "both clips fail", at(failed(FAILED), *SONGS)),
    Row("moderated_late", "both fail for what they were to sing", at(failed("content_refused"), *SONGS)),
    Row("none_mp3", "complete, with a link to None.mp3", at(failed(FAILED), *SONGS)),
    Row("forbidden", "complete, with a link to /api/forbidden", at(failed(REFUSED), *SONGS)),
    Row("other_checkpoint", "another checkpoint drew", at(failed(REFUSED), "webui"), "another checkpoint"),
    Row("interrupted", "somebody interrupts it: one of four is missing", at(partly(FAILED), "webui"), "four pictures"),
    Row("no_face", "no face is swapped", at(failed("invalid_request"), "webui", "webui, paid"), "a face swap"),
    Row(
        "gzip",
        "a chat's answer, compressed though nobody asked for that",
        at(held(BAD, 1), "openai", "anthropic"),
        {"openai": "a chat"},
    ),
    Row("html,times=1", "a web page for a chat's answer", at(held(BAD, 1), "openai"), "a chat"),
    Row("stop_reason=refusal", "it will not say", at(DONE, "anthropic")),
    Row("stop_reason=pause_turn", "it stops for a while", at(DONE, "anthropic")),
    Row("stop_reason=model_context_window_exceeded", "it has come to its memory's end", at(DONE, "anthropic")),
    Row("unheard", "blocks that nobody knows", at(DONE, "anthropic")),
    Row("silent", "it says nothing at all", at(DONE, "anthropic")),
    Row("cached=5", "some of the prompt comes from its cache", at(DONE, "anthropic")),
    Row("grid", "a grid before the pictures", at(DONE, "webui"), "two pictures"),
    Row(
        "wrong_image=html",
        "a web page in the place of a picture",
        at(failed(BAD), "openai", "webui", "webui, paid"),
    ),
    Row("wrong_image=truncated", "half a picture", at(failed(BAD), "openai", "webui", "webui, paid")),
    Row(
        "wrong_image=truncated,times=1",
        "half of one picture of two",
        at(partly(BAD), "openai", "webui", "webui, paid"),
        {"openai": "two of OpenAI's", **dict.fromkeys(("webui", "webui, paid"), "two pictures")},
    ),
    Row(
        "wrong_image=empty",
        "nothing in the place of a picture",
        at(failed(BAD, 6, COOLING), "webui") | at(held(BAD, 1), "openai", "webui, paid"),
    ),
    Row("short", "a picture fewer than asked for", at(held(BAD, 1), "openai"), "two of OpenAI's"),
    Row("empty", "no picture", at(held(BAD, 1), "openai")),
    Row("empty", "no sound", at(failed(BAD), "openai"), "speech"),
    Row("empty", "no text", at(held(BAD, 1), "openai"), "a transcript"),
    Row("named_code", "a language by its code", at(DONE, "openai"), "a transcript"),
    Row("engine=openai_whisper", "OpenAI's Whisper listens", at(DONE, "whisper_asr")),
    Row("engine=faster_whisper", "faster-whisper listens", at(DONE, "whisper_asr")),
    Row("engine=whisperx", "WhisperX listens", at(DONE, "whisper_asr")),
    Row("engine=openai_whisper", "a language, by OpenAI's Whisper", at(DONE, "whisper_asr"), "a language"),
    Row("old", "a language, by a version of before 2023", at(DONE, "whisper_asr"), "a language"),
)
"""What it made, or did not make."""


def _fetched(fault: str, says: str, ends: Ends) -> Row:
    """Of all that is fetched by its address."""
    return Row(fault, says, at(ends, *SONGS, "openai"), {"openai": "a linked picture"})


FETCHED = (
    _fetched("slow=0.2,on=file", "it comes late", DONE),
    _fetched("late=0.5", "403 at first", DONE),
    Row("no_cover", "404 for the cover", at(DONE, *SONGS)),
    _fetched("expired,times=1", "403, once", DONE),
    _fetched("expired", "403, always", failed(FAILED)),
    _fetched("busy=0,times=2,on=file", "429, twice", DONE),
    _fetched("error,times=2,on=file", "503, twice", DONE),
    _fetched("error,on=file", "503, always", failed(FAILED)),
    _fetched("error_after,times=2,on=file", "a proxy's 502, twice", DONE),
    _fetched("reset_before,times=2,on=file", "cut off before it begins, twice", DONE),
    _fetched("reset_after,times=2,on=file", "cut off, twice", DONE),
    _fetched("reset_after,on=file", "cut off, always", failed(GONE)),
    _fetched("html,times=2,on=file", "a web page for a file, twice", DONE),
    _fetched("cut_json,times=2,on=file", "half of it, twice", DONE),
    _fetched("wrong_file=html,times=1", "a web page in a file's clothes, once", DONE),
    _fetched("wrong_file=html", "a web page in a file's clothes, always", failed(BAD)),
    _fetched("wrong_file=empty,times=1", "an empty file, once", DONE),
    _fetched("wrong_file=empty", "an empty file, always", failed(BAD)),
    _fetched("wrong_file=truncated,times=1", "half a file, once", DONE),
    _fetched("wrong_file=truncated", "half a file, always", failed(BAD)),
    _fetched("wrong_file=decoy", "a good file that is not the one", DONE),
    Row("wrong_file=html", "speech is the answer: a web page", at(held(BAD, 1), "openai"), "speech"),
    Row("wrong_file=empty", "speech is the answer: nothing", at(failed(BAD), "openai"), "speech"),
    Row("wrong_file=truncated", "speech is the answer: half of it", at(failed(BAD), "openai"), "speech"),
)
"""When its files are fetched: those of songs, and of pictures that are named by an address."""

SECTIONS = {"sent": SENT, "asked after": FOLLOWED, "made": MADE, "fetched": FETCHED}


def cells() -> list[Cell]:
    return [
        Cell(column, row.fault, ends, row.asked(column))
        for rows in SECTIONS.values()
        for row in rows
        for column, ends in row.ends.items()
    ]
