-- What wrk sends: prepared requests in turn, in which random ids and devices are written over
-- placeholders of the same length. The same seed makes the same requests, byte for byte.
-- Arguments: FILE SEED DEVICES LIMIT RATE (0: no limit; as fast as answers come).
local ffi, bit = require("ffi"), require("bit")
ffi.cdef [[
typedef struct { long seconds; long nanoseconds; } timespec;
int clock_gettime(int clock, timespec *time);
]]

local time = ffi.new("timespec")
local function now()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) + tonumber(time.nanoseconds) / 1e9
end

-- xorshift128: cheap, and long enough that no two requests get the same id.
local x, y, z, w
local function draw()
  local t = bit.bxor(x, bit.lshift(x, 11))
  x, y, z = y, z, w
  w = bit.bxor(w, bit.rshift(w, 19), t, bit.rshift(t, 8))
  return w
end

local function seed(number)
  x, y, z, w = 123456789, 362436069, bit.tobit(number), bit.tobit(number * 7919 + 1)
  for _ = 1, 20 do draw() end
end

-- Two characters at once.
local hex, decimal = ffi.new("uint16_t[256]"), ffi.new("uint16_t[100]")
for number = 0, 255 do
  local text = string.format("%02x", number)
  hex[number] = text:byte(1) + 256 * text:byte(2)
end
for number = 0, 99 do
  local text = string.format("%02d", number)
  decimal[number] = text:byte(1) + 256 * text:byte(2)
end

local function at(text, pattern, each)
  local from = 1
  while true do
    local found, last = text:find(pattern, from, true)
    if not found then return end
    each(found - 1)
    from = last + 1
  end
end

local function list(offsets)
  local array = ffi.new("int32_t[?]", #offsets + 1)
  for index, offset in ipairs(offsets) do array[index - 1] = offset end
  return array
end

-- "~~~~" becomes four random hexadecimal digits, "######" the number of a random device,
-- "^^^^^^" the number that came before it once more.
local function prepared(text)
  local digits, numbers, again = {}, {}, {}
  at(text, "~~~~", function(offset) digits[#digits + 1] = offset end)
  at(text, "######", function(offset) numbers[#numbers + 1] = offset end)
  at(text, "^^^^^^", function(offset)
    local before = 0
    for index, number in ipairs(numbers) do
      if number < offset then before = index end
    end
    again[before] = offset
  end)
  if #digits + #numbers == 0 then return { text = text } end
  local repeats = {}
  for index = 1, #numbers do repeats[index] = again[index] or -1 end
  local bytes = ffi.new("uint8_t[?]", #text + 1)
  ffi.copy(bytes, text)
  return {
    bytes = bytes,
    length = #text,
    digits = list(digits),
    digitCount = #digits,
    numbers = list(numbers),
    repeats = list(repeats),
    numberCount = #numbers,
  }
end

local short = ffi.typeof("uint16_t *")
local devices

local function writeDigits(bytes, offset, bits)
  local pair = ffi.cast(short, bytes + offset)
  pair[0] = hex[bit.band(bits, 255)]
  pair[1] = hex[bit.band(bit.rshift(bits, 8), 255)]
end

local function writeNumber(bytes, offset, number)
  local pair = ffi.cast(short, bytes + offset)
  local high = math.floor(number / 10000)
  local low = number - high * 10000
  local middle = math.floor(low / 100)
  pair[0] = decimal[high]
  pair[1] = decimal[middle]
  pair[2] = decimal[low - middle * 100]
end

local function fill(one)
  local bytes = one.bytes
  for index = 0, one.digitCount - 1 do writeDigits(bytes, one.digits[index], draw()) end
  for index = 0, one.numberCount - 1 do
    local number = bit.band(draw(), 0x7fffffff) % devices
    writeNumber(bytes, one.numbers[index], number)
    if one.repeats[index] >= 0 then writeNumber(bytes, one.repeats[index], number) end
  end
  return ffi.string(bytes, one.length)
end

local requests, turn = {}, 0
-- wrk asks for one request to look at, which it does not send.
local handed, answered, failed, startedAt = -1, 0, 0, nil
local limit, rate, due

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local length = file:read("*n")
    if not length then break end
    file:read(1)
    requests[#requests + 1] = prepared(file:read(length))
  end
  file:close()
  seed(tonumber(args[2]))
  devices, limit, rate = tonumber(args[3]), tonumber(args[4]), tonumber(args[5])
  if limit > 0 then
    response = countAnswer
    delay = onlySoMany
  elseif rate > 0 then
    delay = waitUntilDue
  end
end

function request()
  handed = handed + 1
  if handed == 1 then startedAt = now() end
  turn = turn % #requests + 1
  local one = requests[turn]
  return one.text or fill(one)
end

-- An open loop: what is due goes out, as long as a connection is free.
function waitUntilDue()
  local time = now()
  due = due or time
  local wait = due - time
  due = due + 1 / rate
  return wait > 0 and math.floor(wait * 1000) or 0
end

-- wrk asks before each request; all connections ask before the first goes out.
local granted = 0
function onlySoMany()
  granted = granted + 1
  return granted <= limit and 0 or 1000000000
end

function countAnswer(status)
  answered = answered + 1
  if status > 399 then failed = failed + 1 end
  if answered < limit then return end
  print(string.format(
    '{"answered":%d,"seconds":%.6f,"refused":%d,"broken":0,"p50Ms":null,"p99Ms":null}',
    answered, now() - startedAt, failed
  ))
  os.exit(0)
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"answered":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50Ms":%.3f,"p99Ms":%.3f}',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000
  ))
end
