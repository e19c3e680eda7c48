-- What is due, for one process to see to; the others leave it alone until the lease is over.
local now, lease, count = A[1], A[2], A[3]
local due = redis.call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', now, 'LIMIT', 0, count)
for _, member in ipairs(due) do redis.call('ZADD', P .. 'deadlines', 'XX', now + lease, member) end
return due
