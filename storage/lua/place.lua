--! no-writes
-- Where a job stands in its lane. ARGV: id. Returns {ahead, mean run time in ms or 0, slots of live workers}; `ahead` is -1
-- unless it waits to be claimed. Counts what is claimed first as things stand: an owner's next jobs will be served at its
-- tag in the ring, its tag + 1, ... (a worse priority's tags are all beyond ours, a better one's all below).
local job = 'job:' .. ARGV[1]
local lane, priority, owner, kind = unpack(redis.call('HMGET', job, 'lane', 'priority', 'owner', 'kind'))
if not lane then return {-1, 0, 0} end
local mine = priority .. ':' .. owner
local rank, ahead = redis.call('ZRANK', 'wait:' .. lane .. ':' .. mine, ARGV[1]), -1
if rank then
  ahead = 0
  local ring = 'ring:' .. lane
  local turn = redis.call('ZSCORE', ring, mine) + rank
  local others = redis.call('ZRANGE', ring, '-inf', string.format('%.0f', turn), 'BYSCORE', 'LIMIT', 0, 1000, 'WITHSCORES')
  for i = 1, #others, 2 do
    local member, before = others[i], turn - others[i + 1]
    if member < mine then before = before + 1 end             -- it wins a tie
    ahead = ahead + math.min(before, redis.call('ZCARD', 'wait:' .. lane .. ':' .. member))
  end
end
local slots = 0
for _, worker in ipairs(redis.call('ZRANGE', 'workers:' .. lane, now_ms(), '+inf', 'BYSCORE')) do
  slots = slots + tonumber(string.match(worker, ' (%d+)$'))
end
return {ahead, tonumber(redis.call('HGET', 'mean:' .. lane, kind) or 0), slots}
