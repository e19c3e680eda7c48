-- A node is connected to a process; gives 0 where another instance of its name is.
local name, instance, card, load, socket, process = A[1], A[2], A[3], A[4], A[5], A[6]
local key = P .. 'node:' .. name
local known = redis.call('HMGET', key, 'instance', 'socket', 'process')
if known[1] and known[1] ~= instance and known[2] ~= '' and alive(known[3]) then return 0 end
redis.call('HSET', key, 'instance', instance, 'card', card, 'load', load, 'socket', socket, 'process', process, 'opened', 0)
redis.call('SADD', P .. 'nodes', name)
keep('node:' .. name)
keep('nodes')
redis.call('ZREM', P .. 'deadlines', 'node:' .. name)
return 1
