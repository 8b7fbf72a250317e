-- Write a webhook endpoint whole, if it still is what the writer has read. ARGV: endpoint, owner ('' for what is no endpoint
-- but kept like one), record read ('' for none), record to be ('' for none: it is deleted), created ms, event types
-- separated by spaces ('' if it is off), how many an owner may have.
-- Returns 1 · 0: it is another by now · -1: the owner has as many as it may.
local endpoint, owner, was, to, created, types, most = unpack(ARGV)
local record, all, on = 'hook:' .. endpoint, 'endpoints:' .. owner, 'hooks:' .. owner
local is = redis.call('GET', record) or ''
if is == to then return 1 end                            -- said twice, or by two at once
if is ~= was then return 0 end
if owner ~= '' and was == '' and redis.call('ZCARD', all) >= tonumber(most) then return -1 end
if to == '' then redis.call('DEL', record) else redis.call('SET', record, to) end
if owner ~= '' then
  if to == '' then redis.call('ZREM', all, endpoint) else redis.call('ZADD', all, created, endpoint) end
  known[on] = nil
  if types == '' then redis.call('HDEL', on, endpoint) else redis.call('HSET', on, endpoint, types) end
end
return 1
