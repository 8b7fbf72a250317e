"""Adapters: the dialects that upstreams speak. Each builds calls and reads replies; none knows of the network."""
