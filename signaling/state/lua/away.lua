-- A node's connection is gone; gives 0 where it has a newer one.
local name, socket, back_until = A[1], A[2], A[3]
local key = P .. 'node:' .. name
if redis.call('HGET', key, 'socket') ~= socket then return 0 end
redis.call('HSET', key, 'socket', '')
due_at(back_until, 'node:' .. name)
return 1
