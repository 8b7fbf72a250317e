-- The next piece of a sound that is being made, or its end. ARGV: id, token, number, piece ('': there are `number` of them,
-- and no more), s to keep it. A piece that is there already is compared: an attempt that makes another sound than the one
-- before has broken it for whoever has heard that.
-- Returns 1 if it is there now, else 0: the job is no longer the caller's, an earlier piece is missing, or the sound is broken.
local id, token, number, piece, keep_s = unpack(ARGV)
local held, status = unpack(redis.call('HMGET', 'job:' .. id, 'token', 'status'))
if held ~= token or ENDED[status] then return 0 end
local sound, n = 'sound:' .. id, tonumber(number)
local before, broken, all = unpack(redis.call('HMGET', sound, n - 1, 'broken', 'all'))
local last = piece == ''
local field, value = last and 'all' or number, last and number or piece
local there = redis.call('HGET', sound, field)
if broken or (not last and not before and n > 1) then return 0 end
local too_long = last and redis.call('HEXISTS', sound, n + 1) == 1 or not last and all and n > tonumber(all)
if too_long or (there and there ~= value) then
  redis.call('DEL', sound)
  redis.call('HSET', sound, 'broken', 1)
elseif not there then
  redis.call('HSET', sound, field, value)
end
redis.call('EXPIRE', sound, keep_s)
redis.call('PUBLISH', 'job:' .. id, 'sound')
return (too_long or (there and there ~= value)) and 0 or 1
