--! allow-oom
-- Delete a file's record; its bytes are listed to be erased. ARGV: id, owner, ms after which the bytes are erased once more.
-- Returns 1; 0 if there is no such file of that owner, -1 if a batch that has not ended uses it.
local id, owner, again = unpack(ARGV)
local whose, holds, where = unpack(redis.call('HMGET', 'file:' .. id, 'owner', 'holds', 'where'))
if whose ~= owner then return 0 end
if tonumber(holds or 0) > 0 then return -1 end
redis.call('ZADD', 'erase', now_ms() + again, where)
redis.call('ZREM', 'files:' .. owner, id)
redis.call('DEL', 'file:' .. id, 'segments:' .. id)
return 1
