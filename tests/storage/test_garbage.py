"""storage/garbage.py, in processes of their own: what it does to the collector stays."""

import os
import subprocess
import sys

COLLECTS_SELDOM = """
import gc
from storage.garbage import collect_seldom
collect_seldom()
frozen = gc.get_freeze_count()
kept = [[] for _ in range(1000)]
collect_seldom()
print(frozen > 1000, gc.get_freeze_count() == frozen, gc.get_threshold()[0])
"""
API = "from api.main import app; print([hook.__name__ for hook in app().app.on_startup])"
ENVIRONMENT = {
    "GATEWAY_REDIS_URL": "redis://127.0.0.1:1",
    "GATEWAY_SECRET": "a secret of thirty-two characters",
    "GATEWAY_S3_ENDPOINT": "http://127.0.0.1:1",
    "GATEWAY_S3_ACCESS_KEY": "none",
    "GATEWAY_S3_SECRET_KEY": "none",
}


def said(program: str) -> str:
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_what_is_there_is_left_out_once_and_collections_are_rare() -> None:
    assert said(COLLECTS_SELDOM) == "True True 10000"


def test_a_process_of_the_api_collects_seldom_when_it_has_started() -> None:
    assert said(API) == "['collect_seldom']"
