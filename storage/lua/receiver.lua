--! no-writes
-- All that a delivery must know of its receiver, in one call. ARGV: endpoint, owner, then names of fields of its health.
-- Returns {the endpoint's record or false, the record of the owner's default secret or false, {health...}}.
local endpoint, owner = ARGV[1], ARGV[2]
return {redis.call('GET', 'hook:' .. endpoint), redis.call('GET', 'hook:default:' .. owner),
        redis.call('HMGET', 'receiver:' .. endpoint, unpack(ARGV, 3))}
