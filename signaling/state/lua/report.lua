-- The load of a node that is known.
local name, load = A[1], A[2]
local key = P .. 'node:' .. name
if redis.call('EXISTS', key) == 1 then redis.call('HSET', key, 'load', load, 'opened', 0) end
return 1
