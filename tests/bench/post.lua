-- wrk's script: POSTs the file named as its argument, again and again, and
-- prints what came of it on one line that tests/bench/run reads. A file *.gz is
-- said to be compressed.

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function init(args)
	local file = assert(io.open(args[1], "rb"))
	wrk.body = file:read("*a")
	file:close()
	if args[1]:match("%.gz$") then
		wrk.headers["Content-Encoding"] = "gzip"
	end
end

function done(summary, latency)
	local e = summary.errors
	io.write(string.format("BENCH requests=%d us=%d refused=%d failed=%d " ..
		"p99_us=%d\n", summary.requests, summary.duration, e.status,
		e.connect + e.read + e.write + e.timeout,
		latency:percentile(99)))
end
