-- Where a job stands in its lane. ARGV: id. Returns {ahead, mean run time in ms or 0, slots of live workers}; `ahead` is -1
-- unless it waits to be claimed. Counts in the order of claims: better priorities first, then one job of each owner in turn.
local job = 'job:' .. ARGV[1]
local lane, priority, owner, kind = unpack(redis.call('HMGET', job, 'lane', 'priority', 'owner', 'kind'))
if not lane then return {-1, 0, 0} end
local mine = priority .. ':' .. owner
local rank, ahead = redis.call('ZRANK', 'wait:' .. lane .. ':' .. mine, ARGV[1]), -1
if rank then
  ahead = rank
  for _, member in ipairs(redis.call('ZRANGE', 'ring:' .. lane, 0, 999)) do
    if member ~= mine then
      local waiting, band = redis.call('ZCARD', 'wait:' .. lane .. ':' .. member), string.match(member, '^%d+')
      if tonumber(band) < tonumber(priority) then ahead = ahead + waiting
      elseif band == priority then ahead = ahead + math.min(waiting, rank) end
    end
  end
end
local slots = 0
for _, worker in ipairs(redis.call('ZRANGE', 'workers:' .. lane, now_ms(), '+inf', 'BYSCORE')) do
  slots = slots + tonumber(string.match(worker, ' (%d+)$'))
end
return {ahead, tonumber(redis.call('HGET', 'mean:' .. lane, kind) or 0), slots}
