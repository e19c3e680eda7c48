-- A node does not come back; gives 0 where it is here.
local name = A[1]
local key = P .. 'node:' .. name
local socket = redis.call('HGET', key, 'socket')
redis.call('ZREM', P .. 'deadlines', 'node:' .. name)
if socket ~= '' then return 0 end
redis.call('DEL', key)
redis.call('SREM', P .. 'nodes', name)
return 1
