"""Looking for a submission whose answer never came, among the clips that the account had made of late.

Suno gives a request no name that would show in its clips. So clips are compared by what they were asked for, and by
when they were made; where the same was asked for twice, and neither is known to be another job's, both are answered:
somebody has to choose.
Source: shared/protocols/suno.md, D, "Submit ambiguity".
"""

from collections.abc import Mapping, Sequence
from typing import Any

from storage.errors import UpstreamMalformed
from storage.job import Kind
from workers.adapters.base import Taken, Task
from workers.adapters.suno_bodies import described, known_source
from workers.adapters.suno_clips import record, records, text, unix_ms

TOGETHER_MS = 2_000
"""Clips of one request are made within this. Ours: the sheet has no figure."""


def found(task: Task, since_ms: int, clips: Sequence[Mapping[str, Any]]) -> Sequence[Taken]:
    """What may be this job, the oldest first. One may have fewer ids than the job has items: a feed can lag behind.

    Raises UpstreamMalformed if a clip fits and its time cannot be read: to leave it out could pay a second time.
    """
    free = [clip for clip in clips if text(clip.get("id")) not in {"", *task.others}]
    fitting = sorted((_made(clip), text(clip["id"])) for clip in free if _fits(task, clip))
    groups: list[list[tuple[int, str]]] = []
    for made, id in fitting:
        if made < since_ms:
            continue
        if groups and len(groups[-1]) < task.job.items and made - groups[-1][0][0] <= TOGETHER_MS:
            groups[-1].append((made, id))
        else:
            groups.append([(made, id)])
    return [Taken(tuple(id for _, id in group), whole=len(group) == task.job.items) for group in groups]


def _made(clip: Mapping[str, Any]) -> int:
    made = unix_ms(clip.get("created_at"))
    if made is None:
        raise UpstreamMalformed("the upstream does not say when a clip was made that may be ours")
    return made


def _fits(task: Task, clip: Mapping[str, Any]) -> bool:
    asked, details = task.job.request, record(clip.get("metadata"))
    if not _follows(task, details):
        return False
    if task.job.kind == Kind.MUSIC_CONCAT:
        return True
    if described(asked):
        return _same(asked, details, "gpt_description_prompt")
    titled = not text(asked.get("title")) or _same(asked, clip, "title")  # without a title, Suno finds one
    return titled and _same(asked, details, "prompt") and _same(asked, details, "tags")


def _same(asked: Mapping[str, Any], made: Mapping[str, Any], name: str) -> bool:
    return text(asked.get(name)).split() == text(made.get(name)).split()


def _follows(task: Task, details: Mapping[str, Any]) -> bool:
    """Whether a clip comes after the clip that the job names, or after none if it names none. Where the task does not
    say what the upstream calls that clip, any will do."""
    kind, history, whole = task.job.kind, records(details.get("history")), records(details.get("concat_history"))
    source = known_source(task)
    if kind == Kind.MUSIC_CONCAT:
        return details.get("type") == "concat" and (source is None or source.id in _ids(whole))
    if details.get("type") not in (None, "", "gen"):
        return False
    if kind == Kind.MUSIC_GENERATE:
        return not history
    return bool(history) and (source is None or source.id == _ids(history)[-1])


def _ids(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    return [text(step.get("id")) for step in steps]
