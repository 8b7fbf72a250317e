"""Fake upstreams, to try the gateway on: real HTTP on loopback, real files, and every accepted call is counted.

`ai-gateway fake-upstream --family NAME` runs one. What a real upstream is known to do wrong, each does at a switch
(`cli/fakes/faults.py`). A family is one upstream's dialect, and is written so:

1. A class on `cli.fakes.family.Family`, in a module of its own, named here in `FAMILIES`. The base serves HTTP, checks
   that there is a credential, counts, logs, and applies the faults that all families have; the class does the rest.
2. `routes()` lists what it answers: `Route(method, path, operation, handler, pays=…)`. The operation is the word that
   a fault's `on=` takes: "submit" for the calls that make something, "poll" for those that ask after it, "file" for
   files, others as they fit. `pays=True` has each call that its handler answers counted as accepted.
3. A handler is `async def (self, asked: Asked) -> Any`: what it returns is sent as JSON, or as it is if it is a
   `web.Response`. To say no it raises `Refusal(status, body)`, which is not counted.
4. `refusals` says how this upstream words its noes. "session_expired" (which a missing credential gets as well) and
   "busy" there must be; each further name ("no_credits", "challenge", "moderated") becomes a fault of that name.
5. `faults` names the faults of its own; the handler asks `self.world.faults.take("name", asked.operation)`, which
   counts one use. Faults of files come with `self.file(…)`, which answers with bytes as a bad host would.
6. Time is `self.world.now()`, in seconds: it runs by itself and leaps when `POST /_fake/advance` tells it to. How long
   a job takes follows `self.world.pace_s`.
7. `volatile` names the fields that two sendings of one and the same request may differ in; the fingerprint by which
   accepted calls are counted leaves them out.
"""

FAMILIES: dict[str, str] = {
    "suno": "cli.fakes.suno:Suno",
    "suno_relay": "cli.fakes.suno_relay:SunoRelay",
    "sunoapi": "cli.fakes.sunoapi:SunoApi",
    "webui": "cli.fakes.webui:Webui",
    "openai": "cli.fakes.openai:OpenAI",
    "anthropic": "cli.fakes.anthropic:Anthropic",
    "whisper_asr": "cli.fakes.whisper_asr:WhisperAsr",
}
"""By their names on the command line: where each is, as "module:Class"."""
