-- A room is given to a node, which is being told: one more than its last report says.
local name, room, now = A[1], A[2], A[3]
redis.call('ZADD', P .. 'opening', now, room)
keep('opening')
if redis.call('EXISTS', P .. 'node:' .. name) == 1 then redis.call('HINCRBY', P .. 'node:' .. name, 'opened', 1) end
return 1
