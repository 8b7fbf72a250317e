-- Put a webhook of an event in the outbox once more, or for the first time if it was not put there when it happened.
-- ARGV: endpoint, owner, job id, event, at ms, all (1: also if it was delivered; 0: only if it was not).
-- What has been sent before is sent as it was. Returns {'posted', delivery} · {'waiting', delivery}: one is under way ·
-- {'delivered', delivery} · {'gone'}: the job has been deleted, and nobody kept what it was.
local endpoint, owner, id, what, at, all = unpack(ARGV)
local turn, last, status = 0, false, false
local delivery = delivery_id(endpoint, id, what, turn)
while true do
  local found = redis.call('HGET', 'job:' .. delivery, 'status')
  if not found then break end
  turn, last, status = turn + 1, delivery, found
  delivery = delivery_id(endpoint, id, what, turn)
end
if last and not ENDED[status] then return {'waiting', last} end
if status == 'succeeded' and all ~= '1' then return {'delivered', last} end
local request = last and redis.call('HGET', 'job:' .. last, 'request')
if not request then
  if what ~= 'deleted' and redis.call('HGET', 'job:' .. id, 'owner') ~= owner then return {'gone'} end
  request = letter(id, owner, what, tonumber(at), {})
end
put_out(delivery, endpoint, id, request)
return {'posted', delivery}
