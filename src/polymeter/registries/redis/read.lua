-- Gives everything of an app: its state, and what each writer that lives says for itself.
-- KEYS: 1 the state of the app (hash), 2 its writers (sorted set), 3 ends (list)
-- ARGV: 1 what the key of a writer's own hash begins with, 2 seconds after which a silent writer is forgotten,
--       3 how many ends the reader knows; -1: it wants none
-- Answers: fields and values of the state in turns, new ends, then for each writer its id and the same of its own hash

local answer, known = {redis.call('HGETALL', KEYS[1]), {}}, tonumber(ARGV[3])
if known >= 0 then
  local count = tonumber(redis.call('HGET', KEYS[1], 'ends') or 0)
  if count > known then answer[2] = redis.call('LRANGE', KEYS[3], known - count, -1) end
end
local oldest = tonumber(redis.call('TIME')[1]) - tonumber(ARGV[2])
local silent = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', oldest, 'LIMIT', 0, 100)
for _, writer in ipairs(silent) do
  redis.call('HDEL', KEYS[1], 'a' .. writer)
  redis.call('ZREM', KEYS[2], writer)
end
for _, writer in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local says = redis.call('HGETALL', ARGV[1] .. writer)
  if #says > 0 then
    answer[#answer + 1] = writer
    answer[#answer + 1] = says
  end
end
return answer
