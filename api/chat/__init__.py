"""Chat: relayed to accounts by an ASGI function in front of Litestar, or made here by a job."""
