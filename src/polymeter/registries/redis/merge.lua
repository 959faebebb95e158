-- Takes one flush of one writer, whole or not at all: everything is read and worked out first, then written.
-- KEYS: 1 the state of the app (hash), 2 its writers (sorted set), 3 what this writer alone says (hash), 4 ends (list)
-- ARGV: 1 head, 2 entries (both JSON)
-- Answers: word, life, epoch, number of ends so far, whether the writer's own hash was gone, fields that were damaged,
-- flushes that this Redis had acknowledged and does not know any more

local state, writers, mine, ends = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local head, entries = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])
local LIMB = 1099511627776 -- 2^40: two of them add up exactly in a double

local function text(number)
  return string.format('%.17g', number)
end

local function limbs(a, b)
  local sum, carry = {}, 0
  for i = 1, math.max(#a, #b) do
    local value = (a[i] or 0) + (b[i] or 0) + carry
    carry = math.floor(value / LIMB)
    sum[i] = value - carry * LIMB
  end
  -- The last one carries the sign and is kept small.
  local last = #sum
  if last == 0 then return {0} end
  local top = sum[last] + carry * LIMB
  if top >= LIMB or top < -LIMB then
    sum[last + 1] = carry
  else
    sum[last] = top
  end
  return sum
end

local function floats(f, l, g, m)
  f, l, g, m = tonumber(f), tonumber(l), tonumber(g), tonumber(m)
  local total = f + g
  if total ~= total or total == math.huge or total == -math.huge then return text(total), '0' end
  local part = total - f
  return text(total), text(l + m + ((f - (total - part)) + (g - part)))
end

local function buckets(dense, sparse)
  if #sparse == 0 then return dense end
  local low, high = sparse[1], sparse[#sparse - 1]
  if #dense == 0 then dense = {low} end
  if low < dense[1] then
    local grown, gap = {low}, dense[1] - low
    for i = 1, gap do grown[i + 1] = 0 end
    for i = 2, #dense do grown[gap + i] = dense[i] end
    dense = grown
  end
  local offset = dense[1]
  for i = #dense + 1, high - offset + 2 do dense[i] = 0 end
  for i = 1, #sparse, 2 do
    local at = sparse[i] - offset + 2
    dense[at] = dense[at] + sparse[i + 1]
  end
  return dense
end

local function examples(known, more)
  if #more == 0 then return known end
  local by_place = {}
  for _, list in ipairs({known, more}) do
    for _, each in ipairs(list) do -- place, time, value, labels
      local best = by_place[each[1]]
      local at, value = tonumber(each[2]), tonumber(each[3])
      if not best or at > tonumber(best[2]) or (at == tonumber(best[2]) and (value > tonumber(best[3])
          or (value == tonumber(best[3]) and each[4] > best[4]))) then
        by_place[each[1]] = each
      end
    end
  end
  local kept = {}
  for _, each in pairs(by_place) do kept[#kept + 1] = each end
  return kept
end

local function bounds(known, more)
  local by_bound, kept = {}, {}
  for _, list in ipairs({known, more}) do
    for _, each in ipairs(list) do -- bound, at or below, above
      local seen = by_bound[each[1]]
      if seen then
        seen[2], seen[3] = seen[2] + each[2], seen[3] + each[3]
      else
        seen = {each[1], each[2], each[3]}
        by_bound[each[1]] = seen
        kept[#kept + 1] = seen
      end
    end
  end
  return kept
end

local function extreme(a, b, wanted)
  if a == '' then return b end
  if b == '' then return a end
  return wanted(tonumber(a), tonumber(b)) == tonumber(a) and a or b
end

local function better(rule, a, b) -- whether b takes the place of a
  if rule == 'max' and tonumber(a[4]) ~= tonumber(b[4]) then return tonumber(b[4]) > tonumber(a[4]) end
  if rule == 'min' and tonumber(a[4]) ~= tonumber(b[4]) then return tonumber(b[4]) < tonumber(a[4]) end
  if tonumber(a[3]) ~= tonumber(b[3]) then return tonumber(b[3]) > tonumber(a[3]) end
  if a[6] ~= b[6] then return b[6] > a[6] end
  return b[5] >= a[5]
end

-- a: what is there, or nil; b: what comes, whose buckets are sparse. Shape: shape, start, time, ...
local function merged(a, b)
  if a and a[1] ~= b[1] then error('shape') end
  local start, at = b[2], b[3]
  if a then
    start = tonumber(a[2]) < tonumber(b[2]) and a[2] or b[2]
    at = tonumber(a[3]) > tonumber(b[3]) and a[3] or b[3]
  end
  if b[1] == 'g' then
    local best = (a and not better(b[7], a, b)) and a or b
    return {'g', start, best[3], best[4], best[5], best[6], b[7]}
  end
  a = a or {b[1], start, at, {}, '0', '0', {}, 0, 0, '', '', {}, {}, {}}
  local f, l = floats(a[5], a[6], b[5], b[6])
  local sum = {b[1], start, at, limbs(a[4], b[4]), f, l, examples(a[7], b[7])}
  if b[1] == 'd' then
    sum[8], sum[9] = a[8] + b[8], a[9] + b[9]
    sum[10], sum[11] = extreme(a[10], b[10], math.min), extreme(a[11], b[11], math.max)
    sum[12], sum[13] = buckets(a[12], b[12]), buckets(a[13], b[13])
    sum[14] = bounds(a[14], b[14])
  end
  return sum
end

local function sparse(dense)
  local pairs_of = {}
  for i = 2, #dense do
    if dense[i] ~= 0 then
      pairs_of[#pairs_of + 1] = dense[1] + i - 2
      pairs_of[#pairs_of + 1] = dense[i]
    end
  end
  return pairs_of
end

-- What was there before the first flush is no more: a Redis that has lost everything, or a new app.
local known = redis.call('HMGET', state, 'life', 'epoch', 'cleared', 'ends', 'a' .. head.writer)
local life, epoch, cleared, count, last = known[1], tonumber(known[2]), known[3] or '0', tonumber(known[4] or 0), tonumber(known[5])
local lost = 0
if not life then
  if head.acked > 0 then return {'anew'} end
  life, epoch = head.candidate, head.epoch
elseif head.life ~= '' and head.life ~= life then
  return {'anew'}
elseif last and head.number <= last then
  return {'ok', life, epoch, count, 0, 0, 0}
elseif head.acked > 0 and not last then
  if head.recent then return {'anew'} end
  if head.again then return {'doubt'} end
elseif head.acked > 0 and last < head.acked then
  lost = head.acked - last
end
if head.life ~= '' and head.epoch ~= epoch then return {'epoch', life, epoch} end

local sets, removed, pushed, damaged, cache = {}, {}, {}, 0, {}

local function stored(field)
  if cache[field] == nil then
    local raw = redis.call('HGET', state, field)
    cache[field] = raw or false
  end
  local raw = cache[field]
  if type(raw) ~= 'string' then return raw or nil end
  local fine, value = pcall(cjson.decode, raw)
  if fine and type(value) == 'table' then return value end
  damaged = damaged + 1
  cache[field] = false
  return nil
end

local function put(field, value)
  cache[field] = value
  removed[field] = nil
  sets[field] = value
end

local function finish(field)
  local value = stored(field)
  if not value then return end
  local id = cjson.decode(string.sub(field, 2))
  local total = 'e' .. cjson.encode({id[1], id[2], id[3]})
  if id[1] ~= 'gauge' then
    local copy = {}
    for i = 1, #value do copy[i] = value[i] end
    copy[3], copy[7] = head.now, {}
    if copy[1] == 'd' then copy[12], copy[13] = sparse(copy[12]), sparse(copy[13]) end
    local fine, sum = pcall(merged, stored(total), copy)
    if fine then put(total, sum) end
  end
  count = count + 1
  pushed[#pushed + 1] = cjson.encode({count, string.sub(field, 2), value})
  cache[field], sets[field], removed[field] = false, nil, true
end

local function others()
  local keys = {}
  for _, writer in ipairs(redis.call('ZRANGE', writers, 0, -1)) do keys[#keys + 1] = head.live .. writer end
  return keys
end

local function includes(id, name, tags)
  if id[2] ~= name then return false end
  local has = {}
  for _, tag in ipairs(id[4]) do has[tag[1]] = tag[2] end
  for _, tag in ipairs(tags) do
    if has[tag[1]] ~= tag[2] then return false end
  end
  return true
end

local deleted, forgotten = {}, {}
local order = head.order
if order[1] == 'clear' then
  epoch, cleared = epoch + 1, head.now
  for _, field in ipairs(redis.call('HKEYS', state)) do
    if string.sub(field, 2, 2) == '[' then removed[field], cache[field] = true, false end
  end
  deleted = others()
  deleted[#deleted + 1] = ends
elseif order[1] == 'forget' then
  for _, field in ipairs(redis.call('HKEYS', state)) do
    if string.sub(field, 1, 2) == 's[' then
      local fine, id = pcall(cjson.decode, string.sub(field, 2))
      if fine and includes(id, order[2], order[3]) then finish(field) end
    end
  end
  for _, key in ipairs(others()) do
    for _, field in ipairs(redis.call('HKEYS', key)) do
      local fine, id = pcall(cjson.decode, field)
      if fine and includes(id, order[2], order[3]) then forgotten[#forgotten + 1] = {key, field} end
    end
  end
elseif order[1] == 'expire' then
  for _, each in ipairs(order[2]) do
    local value = stored(each[1])
    if value and tonumber(value[3]) <= tonumber(each[2]) then finish(each[1]) end
  end
end

for _, entry in ipairs(entries) do
  local field, change = entry[1], entry[2]
  local before = stored(field)
  if not before then
    -- A new life begins after the end of the old one.
    local least = tonumber(cleared)
    local id = cjson.decode(string.sub(field, 2))
    local total = stored('e' .. cjson.encode({id[1], id[2], id[3]}))
    if total and tonumber(total[3]) > least then least = tonumber(total[3]) end
    if least > 0 and tonumber(change[2]) <= least then change[2] = text(least + 0.000001) end
  end
  local fine, after = pcall(merged, before, change)
  if not fine then
    damaged = damaged + 1
    after = merged(nil, change)
  end
  put(field, after)
end

-- From here on nothing can fail but the first command, for want of memory.
local fields = {'life', life, 'epoch', epoch, 'cleared', cleared, 'ends', count, 'a' .. head.writer, head.number}
for _, each in ipairs(head.definitions) do fields[#fields + 1] = each end
for field, value in pairs(sets) do
  fields[#fields + 1] = field
  fields[#fields + 1] = cjson.encode(value)
end
for i = 1, #fields, 4000 do
  redis.call('HSET', state, unpack(fields, i, math.min(i + 3999, #fields)))
end
for field in pairs(removed) do redis.call('HDEL', state, field) end
for _, key in ipairs(deleted) do redis.call('DEL', key) end
for _, each in ipairs(forgotten) do redis.call('HDEL', each[1], each[2]) end
for _, each in ipairs(pushed) do redis.call('RPUSH', ends, each) end
if #pushed > 0 then
  redis.call('LTRIM', ends, -head.most_ends, -1)
  redis.call('PEXPIRE', ends, head.ttl)
end
redis.call('PEXPIRE', state, head.ttl)

local was_gone = (redis.call('EXISTS', mine) == 0) and 1 or 0
if #head.gone > 0 then redis.call('HDEL', mine, unpack(head.gone)) end
if #head.says > 0 then redis.call('HSET', mine, unpack(head.says)) end
if head.leaves then
  redis.call('DEL', mine)
else
  redis.call('PEXPIRE', mine, head.alive)
end
redis.call('ZADD', writers, redis.call('TIME')[1], head.writer)
redis.call('PEXPIRE', writers, head.ttl)
return {'ok', life, epoch, count, was_gone, damaged, lost}
