"""Every Redis key and channel, in one place. The functions in `storage/lua/` build the same names.

| key                               | type   | holds                                                                 |
|-----------------------------------|--------|-----------------------------------------------------------------------|
| `job:{id}`                        | hash   | the job (`storage/job.py`); expires some time after its end           |
| `jobs:{owner}`                    | zset   | id → created ms: one owner's jobs, for feeds                          |
| `feed:{owner}`                    | stream | events of the owner's jobs, about the newest 10 000; expires          |
| `idem:{owner}:{digest}`           | string | an idempotency key: job id and fingerprint of the body; expires       |
| `wait:{lane}:{priority}:{owner}`  | zset   | id → created ms: jobs ready to be claimed, oldest first               |
| `ring:{lane}`                     | zset   | `{priority}:{owner}` → whose turn comes next                          |
| `asleep:{lane}`                   | zset   | id → ms when it may be claimed: a delay's or a held job's lease's end |
| `bell:{lane}`                     | list   | at most one entry: "there may be work"; idle workers block on it      |
| `mean:{lane}`                     | hash   | kind → mean run time in ms, for estimates                             |
| `workers:{lane}`                  | zset   | `{worker} {slots}` → ms until when it counts as alive; expires        |
| `health:{lane}:{worker}`          | string | what a lane says of itself (JSON); expires                            |
| `held:{lane}:{priority}:{owner}`  | zset   | id → ms until when it is held, where owners hold so many; expires     |
| `rest:{lane}:{priority}:{owner}`  | string | this owner's jobs are not claimed until it expires                    |
| `trial:{lane}:{priority}:{owner}` | string | this owner may hold one job at a time until it expires                |
| `hooks:{owner}`                   | hash   | endpoint → event types, separated by spaces: of those that are on     |
| `hook:{endpoint}`                 | string | a webhook endpoint (`storage/webhooks.py`), or `default:{owner}`      |
| `endpoints:{owner}`               | zset   | endpoint → created ms: also of those that are off                     |
| `receiver:{endpoint}`             | hash   | how deliveries to it went of late; expires                            |
| `posted:{job}`                    | list   | ids of the deliveries about a job; expires                            |
| `file:{id}`                       | hash   | a file (`storage/files.py`); expires if it is to                      |
| `files:{owner}`                   | zset   | file ids, which sort by age                                           |
| `segments:{file}`                 | list   | `{size} {object key}`: what a file that grows consists of             |
| `batch:{id}`                      | hash   | a batch (`storage/batches.py`); expires some time after its end       |
| `batches:{owner}`                 | zset   | batch ids, which sort by age                                          |
| `batches`                         | zset   | batch id → ms until when a runner holds it: those that have not ended |
| `open:{batch}`                    | hash   | line → what is kept of it until its result is stored                  |
| `parts:{job}`                     | hash   | part's job id → how it ended ('' while it has not); `of` → how many   |
| `account:{account}`               | hash   | how an account fares (`storage/capacity.py`)                          |
| `slots:{account}`                 | zset   | job → ms until when it counts as under way there; expires             |
| `sent:{account}`                  | zset   | submissions → ms when: those of the last minute; expires              |
| `probe:{account}`                 | string | the job that tries whether it is well again; expires                  |
| `polls:{account}`                 | zset   | job → ms when it is to be asked after                                 |
| `poller:{account}`                | string | who asks after this account's jobs just now; expires                  |
| `purse:{account}`                 | hash   | what it has left, as its upstream says; expires                       |
| `asked:{account}`                 | string | who has asked it for that of late; expires                            |
| `spent:{account}`                 | hash   | `units`, `jobs`; `chats` and their tokens: all that it has accepted   |
| `tokens:{account}:{day}`          | hash   | owner and which → tokens of chats, of a day since 1970; expires       |
| `counted:{id}`                    | string | that a count of chats is in those above; expires                      |
| `spent:{account}:{day}`           | hash   | owner → units, of a day since 1970; expires                           |
| `bound:{account}:{id}`            | string | the job that an upstream's id belongs to; expires                     |
| `waited_at`                       | set    | the accounts that have a `polls:{account}`, or had one of late        |
| `doubts`                          | zset   | job → ms since when nobody knows whether its upstream took it         |
| `starved:{account}`               | zset   | job → ms since when it waits for a slot there; expires                |
| `due`                             | zset   | id → ms by which the job must have started                            |
| `erase`                           | zset   | job id, or object keys' prefix → ms when its bytes are to be erased   |
| `apikey:{digest}`                 | string | an API key (`storage/apikeys.py`)                                     |
| `apikeys`                         | hash   | key id → digest                                                       |
| `underway:{owner}`                | zset   | id → created ms: jobs asked after as "what runs now"; expires         |
| `task:{owner}:{digest}`           | string | what the owner calls a job → its id; expires                          |
| `options:{dialect}:{owner}`       | hash   | name → JSON: what the owner has set (`storage/options.py`); expires   |
| `preview:{job}`                   | string | a small JPEG of what is being made; expires                           |
| `sound:{job}`                     | hash   | number → piece of what is being spoken (`storage/sounds.py`); expires |
| `chat:{id}`                       | hash   | a stream of chat events: whose (`storage/chats.py`); expires          |
| `said:{id}`                       | stream | those events in bundles, by each one's last number; expires           |
| `libraries`                       | zset   | library of functions → Unix s when somebody last said that it uses it |
| `setup`                           | string | somebody has been let in here: no first key is made known again       |

Channels: `job:{id}` (it changed), `events:{owner}` (what was added to the feed: its id, the job's, the event),
`canceled:{lane}` (a held job was cancelled), `batches` (one is new, or to be cancelled),
`apikeys` (one was made or revoked).
"""

PERMANENT = (
    "job:*",  # while it is live; its end sets the expiry
    "jobs:*",
    "wait:*",
    "ring:*",
    "asleep:*",
    "bell:*",
    "mean:*",
    "hooks:*",
    "hook:*",
    "endpoints:*",
    "file:*",
    "files:*",
    "segments:*",
    "batch:*",
    "batches:*",
    "batches",
    "open:*",
    "account:*",
    "polls:*",
    "spent:*",
    "doubts",
    "waited_at",
    "parts:*",  # while their job is live; its end deletes them
    "due",
    "erase",
    "apikey:*",
    "apikeys",
    "libraries",
    "setup",
    "arq:*",  # arq's own queue, which carries upkeep only
)
"""Patterns of the keys that may lack an expiry. Everything else without one is a leak."""


def api_key(digest: str) -> str:
    return f"apikey:{digest}"


API_KEYS = "apikeys"
ERASE = "erase"
LIBRARIES = "libraries"
SETUP = "setup"


def bell(lane: str) -> str:
    return f"bell:{lane}"


def idempotency(owner: str, digest: str) -> str:
    return f"idem:{owner}:{digest}"


def feed(owner: str) -> str:
    return f"feed:{owner}"


def endpoints(owner: str) -> str:
    return f"endpoints:{owner}"


def hook(endpoint: str) -> str:
    return f"hook:{endpoint}"


def posted(job: str) -> str:
    return f"posted:{job}"


def receiver(endpoint: str) -> str:
    return f"receiver:{endpoint}"


def file(id: str) -> str:
    return f"file:{id}"


def files(owner: str) -> str:
    return f"files:{owner}"


def segments(file: str) -> str:
    return f"segments:{file}"


def batch(id: str) -> str:
    return f"batch:{id}"


def batches(owner: str) -> str:
    return f"batches:{owner}"


def open_lines(batch: str) -> str:
    return f"open:{batch}"


def account(name: str) -> str:
    return f"account:{name}"


def polls(account: str) -> str:
    return f"polls:{account}"


def poller(account: str) -> str:
    return f"poller:{account}"


def purse(account: str) -> str:
    return f"purse:{account}"


def asked(account: str) -> str:
    return f"asked:{account}"


def tokens(account: str, day: int) -> str:
    return f"tokens:{account}:{day}"


def spent(account: str, day: int | None = None) -> str:
    return f"spent:{account}" if day is None else f"spent:{account}:{day}"


def bound(account: str, id: str) -> str:
    return f"bound:{account}:{id}"


DOUBTS = "doubts"


def slots(account: str) -> str:
    return f"slots:{account}"


def parts(job: str) -> str:
    return f"parts:{job}"


def mean(lane: str) -> str:
    return f"mean:{lane}"


def jobs(owner: str) -> str:
    return f"jobs:{owner}"


def underway(owner: str) -> str:
    return f"underway:{owner}"


def task(owner: str, digest: str) -> str:
    return f"task:{owner}:{digest}"


def options(owner: str, dialect: str) -> str:
    return f"options:{dialect}:{owner}"


def preview(job: str) -> str:
    return f"preview:{job}"


def health(lane: str, worker: str) -> str:
    return f"health:{lane}:{worker}"


def workers(lane: str) -> str:
    return f"workers:{lane}"


def job_channel(id: str) -> str:
    return f"job:{id}"


def chat_channel(id: str) -> str:
    """Of a stream of chat events. It is its job's, if one makes it: whoever reads it hears of that one's end too."""
    return job_channel(id)


def events_channel(owner: str) -> str:
    return f"events:{owner}"


def canceled_channel(lane: str) -> str:
    return f"canceled:{lane}"


API_KEYS_CHANNEL = "apikeys"
BATCHES_CHANNEL = "batches"
