-- SPDX-License-Identifier: Apache-2.0
-- wrk script: POST the request bodies of a file, one a line, in turn. Prints one line of JSON at the end.
-- wrk -s review.lua URL -- BODIES
local requests = {}
local next_request = 0

function init(args)
    for line in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, line .. "\n")
    end
end

function request()
    next_request = next_request % #requests + 1
    return requests[next_request]
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format('BENCH {"requests":%d,"seconds":%.6f,"errors":%d,"not_2xx":%d,"p50_us":%d,"p99_us":%d}\n',
        summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.timeout, e.status,
        latency:percentile(50), latency:percentile(99)))
end
