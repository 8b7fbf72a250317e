"""Adapters: the dialects that upstreams speak. Each builds calls and reads replies; none knows of the network."""

ADAPTERS: dict[str, str] = {
    "suno": "workers.adapters.suno:Suno",
    "suno_relay": "workers.adapters.suno_relay:SunoRelay",
    "sunoapi": "workers.adapters.sunoapi:SunoApi",
    "webui": "workers.adapters.webui:Webui",
    "openai": "workers.adapters.openai:OpenAI",
    "whisper_asr": "workers.adapters.whisper_asr:WhisperAsr",
    "anthropic": "workers.adapters.anthropic:Anthropic",
}
"""By the names that `gateway.toml` calls them: where each is, as "module:Class". Built from the account's options, a
mapping; options that there are not raise msgspec.ValidationError."""
