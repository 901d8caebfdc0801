-- SPDX-License-Identifier: Apache-2.0
-- wrk script: POST a body for each token of a file, one a line, in turn; the body has "@" where the token goes. Requests are
-- made on the fly, from one text that is read from begin to end, and numbered: so a hundred tokens are as much work for the
-- client as a million, and it is as fast. Prints one line of JSON at the end, as review.lua does.
-- wrk -s review_tokens.lua URL -- TOKENS BODY
--
-- LuaJIT hashes a long string by four bytes each of its begin, quarter, middle and end. Requests that differ in none of them
-- are one long chain, and each new one walks it: so zeroes in front of the number put its last digits into the middle.
local tokens
local token_len, token_count
local number = 0
local before_number, before_token, after_token

function init(args)
    local file = assert(io.open(args[1]))
    tokens = file:read("*a")
    file:close()
    token_len = tokens:find("\n", 1, true) - 1
    token_count = #tokens / (token_len + 1)
    local sample = string.rep("@", token_len)
    local body = args[2]:gsub("@", sample)
    local request = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, body .. "\n")
    local head_end = request:find("\r\n\r\n", 1, true)
    local token_at = request:find(sample, 1, true)
    before_number = request:sub(1, head_end - 1) .. "\r\nX-Number: "
    before_token = request:sub(head_end, token_at - 1)
    after_token = request:sub(token_at + #sample)
    local behind_number = #before_token + #sample + #after_token
    while #before_number + 8 < behind_number + 2 do
        before_number = before_number .. "0"
    end
end

function request()
    local at = number % token_count * (token_len + 1)
    number = number + 1
    return before_number .. string.format("%08d", number) .. before_token .. tokens:sub(at + 1, at + token_len) .. after_token
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format('BENCH {"requests":%d,"seconds":%.6f,"errors":%d,"not_2xx":%d,"p50_us":%d,"p99_us":%d}\n',
        summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.timeout, e.status,
        latency:percentile(50), latency:percentile(99)))
end
