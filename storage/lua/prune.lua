--! allow-oom
-- Drop from an owner's list the jobs whose records have expired. ARGV: owner, rank to start at, most to look at.
-- Returns {rank to go on from or -1, how many it dropped}.
local list, start, most, dropped = 'jobs:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), 0
local ids = redis.call('ZRANGE', list, start, start + most - 1)
for _, id in ipairs(ids) do
  if redis.call('EXISTS', 'job:' .. id) == 0 then dropped = dropped + redis.call('ZREM', list, id) end
end
return {#ids == most and start + #ids - dropped or -1, dropped}
