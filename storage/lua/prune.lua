-- Drop from an owner's list the jobs whose records have expired. ARGV: owner, most to look at. Returns how many it dropped.
local list, dropped = 'jobs:' .. ARGV[1], 0
for _, id in ipairs(redis.call('ZRANGE', list, 0, ARGV[2] - 1)) do
  if redis.call('EXISTS', 'job:' .. id) == 0 then dropped = dropped + redis.call('ZREM', list, id) end
end
return dropped
