-- Posts the file $BODY repeatedly and replaces "@id" in it with a new number each time.
-- Prints one line of JSON at the end.
local file = io.open(os.getenv("BODY"), "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()

local before, after = wrk.body:match('^(.*)"@id"(.*)$')
if before then
  local id = os.time() * 1000000
  function request()
    id = id + 1
    return wrk.format(nil, nil, nil, before .. string.format("%d", id) .. after)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "failures": %d, "p50": %f, "p99": %f}',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
