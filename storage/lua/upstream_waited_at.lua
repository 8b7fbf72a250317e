--! no-writes
-- The accounts at which jobs wait, or did of late.
return redis.call('SMEMBERS', 'waited_at')
