"""What becomes of a job when its upstream fails it: writes docs/faults.md, or checks it.

The page is the matrix that tests/workers/upstream/test_matrix.py tries cell by cell.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.workers.upstream.matrix import COLUMNS, OK, SECTIONS, Ends, Row

PAGE = Path(__file__).parent / "faults.md"

HEAD = """\
# When an upstream fails

What becomes of a job, by what goes wrong and by the [adapter](upstreams.md#adapters) of its account. Each cell is
tried by `tests/workers/upstream/test_matrix.py`: a real lane and poller, Redis, S3, and a fake upstream that errs in
this way and counts what it takes. Then the fault is over, and the next job at the same account works. The page is made
of that test's own table by `python -m docs.faults`; `make check` fails when it is out of date. *Switch* is what makes a
[fake upstream](upstreams.md#fake-upstreams) do it.

| | |
|---|---|
| succeeds | all of it is there: the fault cost time only. *Made twice*: by a server of your own, for nothing |
| partly | the job has succeeded; of its outputs, some have failed, with this code |
| fails | the job has failed, with this code |
| **held** | nobody can know whether the upstream took it: it is [in doubt](upstreams.md#in-doubt) until you say so |
| waits | until the account can be used again, however long that takes; then it is sent, or asked after, and succeeds |
| (`cooling`) | how the [account](upstreams.md#how-accounts-fare) fares meanwhile, where it is not `ok`. What rests \
is tried again by itself; `no_credits`, `challenge` and `suspended` are yours to end |

Nothing that costs something is taken twice in any cell. *Paid* is `paid = true` in the account's options. An empty cell
cannot come about, or says nothing new. There is one account here; where there are others, a job that one does not take
is tried there first. Faults of a chat's stream are not here: chats that are jobs are answered whole. *Always* ends a
job after 6 tries to send it, 8 to fetch it, or two hours of asking after it; tests are less patient.
"""

INTRODUCTIONS = {
    "sent": "When it is sent",
    "asked after": "When it is asked after\n\nA WebUI tells how far it is while it draws, and that is of no account.",
    "made": "What it makes",
    "fetched": 'When files are fetched\n\nOf `openai`, a picture that is told by its address (`answers = "url"`), '
    "and speech, which is the answer itself.",
}  # fmt: skip


def render() -> str:
    return HEAD + "".join(line for name, rows in SECTIONS.items() for line in _section(name, rows))


def _section(name: str, rows: Sequence[Row]) -> Iterator[str]:
    columns = [column for column in COLUMNS if any(column in row.ends for row in rows)]
    yield f"\n## {INTRODUCTIONS[name]}\n\n"
    yield f"| What goes wrong | Switch | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 2)}\n"
    for row in rows:
        told = (_told(row.ends[column]) if column in row.ends else "" for column in columns)
        yield f"| {row.says} | `{'`, `'.join(row.fault.split())}` | {' | '.join(told)} |\n"


def _told(ends: Ends) -> str:
    code = f" `{ends.code}`" if ends.code else ""
    account = f" (`{ends.account}`)" if ends.account != OK else ""
    return _word(ends) + code + account


def _word(ends: Ends) -> str:
    match ends.word:
        case "succeeded":
            return "succeeds, made twice" if ends.accepts > 1 else "succeeds"
        case "failed":
            return "fails"
        case "held":
            return "**held**"
        case word:
            return word


def main() -> int:
    parser = argparse.ArgumentParser(description="Write docs/faults.md, or check it.")
    parser.add_argument("--check", action="store_true", help="only compare")
    if not parser.parse_args().check:
        PAGE.write_text(render())
    elif PAGE.read_text() != render():
        print("docs/faults.md is out of date. Run `python -m docs.faults`.")
        return 1
    print("Faults end as docs/faults.md says.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
