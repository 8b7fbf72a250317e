-- The events of a chat that come after the first `after`; those that are there already are passed over. ARGV: id, after,
-- 1 if there will be no more, token of the job that makes them ('' if none does), bytes a stream may have, owner ('' if it has been
-- begun; else it begins with these), s to keep it after its end, s to keep it while nothing comes, event, ...
-- Returns 1 if all of them are there now, else 0: there is no such stream, the job is no longer the caller's, events before
-- these are missing, it has ended before them, or it has grown too large, which ends it.
local id, after, over, token, most, owner = unpack(ARGV, 1, 6)
if token ~= '' then
  local held, status = unpack(redis.call('HMGET', 'job:' .. id, 'token', 'status'))
  if held ~= token or ENDED[status] then return 0 end
end
if owner ~= '' then begin_chat(id, owner, ARGV[7], ARGV[8]) end
local chat, said = 'chat:' .. id, 'said:' .. id
local keep_s, open_s, size, ended = unpack(redis.call('HMGET', chat, 'keep_s', 'open_s', 'size', 'over'))
local there = redis.call('LLEN', said)
if not keep_s or tonumber(after) > there then return 0 end
size = tonumber(size)
local cut, first, last = false, 9 + there - tonumber(after), nil
for i = first, ended and 0 or #ARGV do
  size = size + #ARGV[i]
  cut = size > tonumber(most)
  if cut then break end
  last = i
end
if last then
  for i = first, last, 512 do redis.call('RPUSH', said, unpack(ARGV, i, math.min(i + 511, last))) end
  there = there + last - first + 1
end
local whole = tonumber(after) + #ARGV - 8 <= there
if ended then return whole and 1 or 0 end
redis.call('HSET', chat, 'size', size)
if cut then redis.call('HSET', chat, 'cut', 1) end
if cut or over == '1' then redis.call('HSET', chat, 'over', 1) end
local left_s = (cut or over == '1') and keep_s or open_s
redis.call('EXPIRE', chat, left_s)
redis.call('EXPIRE', said, left_s)
redis.call('PUBLISH', 'job:' .. id, 'chat')
return whole and 1 or 0
