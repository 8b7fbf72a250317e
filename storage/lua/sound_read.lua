-- ARGV: id, number of the first piece wanted, about how many bytes of them, s to keep them.
-- Returns {the job's row, 1 if the sound is broken, how many pieces there are in all or -1, {piece, ...}}.
local id, n, most, keep_s = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local sound = 'sound:' .. id
local broken, all = unpack(redis.call('HMGET', sound, 'broken', 'all'))
local pieces, size = {}, 0
repeat
  local piece = redis.call('HGET', sound, n)
  if not piece then break end
  pieces[#pieces + 1] = piece
  size, n = size + #piece, n + 1
until size >= most
if #pieces > 0 then redis.call('EXPIRE', sound, keep_s) end
return {row(id), broken and 1 or 0, tonumber(all) or -1, pieces}
