"""Jobs at upstreams: sent once, asked after in common, and what they made brought home."""
