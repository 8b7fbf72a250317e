"""Time that passes at once, as far as the queue can tell."""

from redis.asyncio import Redis

from storage.connect import command

LANE = "delivery"

_PASS = """
local lane, ms, held = ARGV[1], tonumber(ARGV[2]), {}
for _, key in ipairs(redis.call('KEYS', 'held:' .. lane .. ':*')) do
  for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do held[id] = true end
end
local asleep = redis.call('ZRANGE', 'asleep:' .. lane, 0, -1, 'WITHSCORES')
for i = 1, #asleep, 2 do
  if not held[asleep[i]] then redis.call('ZADD', 'asleep:' .. lane, asleep[i + 1] - ms, asleep[i]) end
end
for _, kind in ipairs({'rest', 'trial'}) do
  for _, key in ipairs(redis.call('KEYS', kind .. ':' .. lane .. ':*')) do
    redis.call('PEXPIRE', key, redis.call('PTTL', key) - ms)
  end
end
redis.call('LPUSH', 'bell:' .. lane, 1)
"""


async def pass_time(redis: Redis, seconds: float, lane: str = LANE) -> None:
    """Delays and rests in a lane end so much sooner. Leases do not: those who hold jobs go on holding them."""
    await command(redis, "EVAL", _PASS, 0, lane, int(seconds * 1000))


async def vanish(redis: Redis, *ids: str, lane: str = LANE) -> None:
    """The leases of these jobs run out: their worker is gone."""
    for id in ids:
        await redis.zadd(f"asleep:{lane}", {id: 1}, xx=True)
        async for key in redis.scan_iter(match=f"held:{lane}:*"):
            await redis.zadd(key, {id: 1}, xx=True)
