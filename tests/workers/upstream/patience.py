"""Fakes take a fraction of a second; so does our patience with them."""

HURRIED = {
    "workers.upstream.spacing.EVERY_S": 0.05,
    "workers.upstream.spacing.FIRST_S": 0.05,
    "workers.upstream.submit.FIRST_S": 0.05,
    "workers.upstream.submit.LOOK_FIRST_S": 0.05,
    "workers.upstream.submit.LOOK_AGAIN_S": 0.05,
    "workers.upstream.submit._AGAIN_S": 0.05,
    "workers.upstream.stopping.EACH_S": 0.2,
    "workers.upstream.credits.LOOK_S": 0.05,
    "workers.upstream.collect._FIRST_S": 0.05,
    "storage.verdict.BUSY_S": 0.2,
    "workers.upstream.watching.EVERY_S": 0.05,
    "storage.verdict.RENEWED_S": 0.2,
    "workers.upstream.poll._IDLE_S": 0.05,
    "workers.upstream.poll._AT_LEAST_S": 0.02,
    "storage.capacity.FIRST_REST_S": 0.2,
}
"""Seconds, by the names of the modules' constants that say how many they are otherwise."""
