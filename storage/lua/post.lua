-- Put a webhook of an event in the outbox that was not put there when it happened, or once more. ARGV: endpoint, job id,
-- event, salt ('' for the one that goes out by itself). Returns the delivery's id, or false if there is no such job.
local endpoint, id, what, salt = unpack(ARGV)
local owner = redis.call('HGET', 'job:' .. id, 'owner')
return owner and post(endpoint, id, owner, what, salt, {})
