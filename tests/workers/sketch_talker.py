"""A small real engine for tests of chats: its answer is five words, and the last user message is a folder's path.

Word n is said once `n` is in the folder; `made` there gets a line for each that was made, and `fail` breaks it. It goes
on from what was said, as the real one does.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from storage.errors import EngineMisproduced
from workers.engines.base import Made, Report
from workers.engines.pieces import Pieces

WORDS = ["one ", "two ", "three ", "four ", "five"]
WHOLE = "".join(WORDS)


class Talker:
    name = "talker"

    def load(self) -> None:
        """Nothing to load."""

    def unload(self) -> None:
        """Nothing to drop."""

    def generate(self, task: Mapping[str, Any], folder: Path, report: Report) -> Made:
        control, pieces = Path(task["request"]["messages"][-1]["content"]), Pieces(folder)
        text = task["said"]["text"]
        for number, word in enumerate(WORDS, 1):
            if WHOLE.startswith(text) and len("".join(WORDS[:number])) <= len(text):
                continue
            while not (control / str(number)).exists():
                report(0.1)
                time.sleep(0.01)
            with (control / "made").open("a") as made:
                made.write(f"{number}\n")
            text += word
            pieces.leave(msgspec.json.encode({"text": word, "logprobs": []}))
            report(number / len(WORDS))
        if (control / "fail").exists():
            raise EngineMisproduced("it is gibberish, as asked")
        usage = {"prompt_tokens": 3, "completion_tokens": len(WORDS)}
        return Made([], {"text": text, "finish_reason": "stop", "usage": usage})
