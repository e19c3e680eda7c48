-- A process lives; gives {known, seconds, microseconds}.  With `join` it is known from now on.
local process, until_, join = A[1], A[2], A[3]
local time = redis.call('TIME')
if join then
  redis.call('SET', P .. 'process:' .. process, time[1])
  redis.call('SADD', P .. 'processes', process)
end
local known = redis.call('EXISTS', P .. 'process:' .. process)
if known == 1 then redis.call('ZADD', P .. 'deadlines', tonumber(time[1]) + until_, 'process:' .. process) end
return {known, time[1], time[2]}
