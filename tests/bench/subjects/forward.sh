# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# queries of names all different, answered by the upstreams at once and after 20 ms;
# and with 1,000 and 200,000 queries in flight

# The memory of millrace with room for so many queries, in bytes.
measure_memory() {
	local queries=$1
	begin_generator "memory.$queries" 64
	start_millrace --queries "$queries"
	awk '/^VmRSS:/ { print $2 * 1024 }' "/proc/$bench_forwarder/status" \
		>"$bench_results/memory.$queries"
	bench_stop
}

measure_forward() {
	local round qps
	for round in $(seq "$bench_rounds"); do
		measure_limit "limit.$round"
		measure_millrace "forward_0ms.$round" 64 --window 512
		qps=$(result "forward_0ms.$round" qps)
		measure_millrace "forward_20ms.$round" 192 --window 131072 --delay 20000 --rate "$qps"
		measure_millrace "in_flight_1000.$round" 64 --window 1000
		# So slow that all of them are needed to keep up the rate.
		measure_millrace "in_flight_200000.$round" 256 --window 200000 \
			--delay $((200000 * 1000000 / qps))
	done
	measure_memory 1024
	measure_memory 262144
}
