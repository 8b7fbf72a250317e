"""The protocols that chat is relayed to, seen from the API: calls are built, answers are turned, nothing is sent."""

DIALECTS = {
    "openai": "api.upstreams.openai:OpenAI",
}
"""What an account's `adapter` may be called → the class of its dialect."""
