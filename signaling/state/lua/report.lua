-- What is new of a node that is known: its load, or one more room.
local name, load = A[1], A[2]
local key = P .. 'node:' .. name
if redis.call('EXISTS', key) == 0 then return 0 end
if load == '' then
  redis.call('HINCRBY', key, 'opened', 1)
else
  redis.call('HSET', key, 'load', load, 'opened', 0)
end
return 1
