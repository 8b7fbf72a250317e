-- The events of a chat that come after the first `after`; those that are there already are passed over. ARGV: id, after,
-- 1 if there will be no more, token of the job that makes them ('' if none does), bytes a stream may have, owner ('' if it has been
-- begun; else it begins with these), s to keep it after its end, s to keep it while nothing comes, then of each bundle of events:
-- how many, their bytes, and they themselves, compressed.
-- Returns 1 if all of them are there now, else 0: there is no such stream, the job is no longer the caller's, events before
-- these are missing, it has ended before them, or it has grown too large, which ends it.
local id, after, over, token, most, owner = unpack(ARGV, 1, 6)
if token ~= '' then
  local held, status = unpack(redis.call('HMGET', 'job:' .. id, 'token', 'status'))
  if held ~= token or ENDED[status] then return 0 end
end
if owner ~= '' then begin_chat(id, owner, ARGV[7], ARGV[8]) end
local chat, said = 'chat:' .. id, 'said:' .. id
local keep_s, open_s, size, there, ended = unpack(redis.call('HMGET', chat, 'keep_s', 'open_s', 'size', 'count', 'over'))
local last, cut = tonumber(after), false
if not keep_s or last > tonumber(there) then return 0 end
size, there = tonumber(size), tonumber(there)
for i = 9, #ARGV, 3 do
  last = last + ARGV[i]
  if last > there and not ended and not cut then
    local bytes = ARGV[i + 1]
    cut = size + bytes > tonumber(most)
    if not cut then                           -- it may begin with some that are there already: whoever reads it knows
      redis.call('XADD', said, string.format('%d-0', last), bytes, ARGV[i + 2])
      size, there = size + bytes, last
    end
  end
end
local whole = last <= there
if ended then return whole and 1 or 0 end
redis.call('HSET', chat, 'size', size, 'count', there)
if cut then redis.call('HSET', chat, 'cut', 1) end
if cut or over == '1' then redis.call('HSET', chat, 'over', 1) end
local left_s = (cut or over == '1') and keep_s or open_s
redis.call('EXPIRE', chat, left_s)
redis.call('EXPIRE', said, left_s)
redis.call('PUBLISH', 'job:' .. id, 'chat')
return whole and 1 or 0
