-- A process lives; gives {known, seconds, microseconds}.  With `join` it is known from now on.
-- Its keys, those of the nodes, and those that all processes share expire so much later.
local process, until_, join = A[1], A[2], A[3]
local time = redis.call('TIME')
if join then
  redis.call('SET', P .. 'process:' .. process, time[1])
  redis.call('SADD', P .. 'processes', process)
end
local known = redis.call('EXISTS', P .. 'process:' .. process)
if known == 1 then
  due_at(tonumber(time[1]) + until_, 'process:' .. process)
  for _, own in ipairs({'process:', 'at:', 'open:', 'inbox:'}) do keep(own .. process) end
  for _, shared in ipairs({'processes', 'rooms', 'nodes', 'opening', 'closing'}) do keep(shared) end
  for _, node in ipairs(redis.call('SMEMBERS', P .. 'nodes')) do keep('node:' .. node) end
end
return {known, time[1], time[2]}
