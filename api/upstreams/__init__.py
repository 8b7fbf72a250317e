"""The protocols that chat is relayed to, seen from the API: calls are built, answers are turned, nothing is sent."""
