# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# queries of names all different, answered by the upstreams at once and after 20 ms;
# and with 1,000 and 200,000 queries in flight

# What testpmd turns round when the generator sends the same frames again and again.
measure_circulation() {
	run testpmd circulation "$1" 64 --circulate --window 512
}

# What a line of memory costs: of so much as is nearest to the worker, and of so much as RATE queries a
# second have on their way within 20 ms.
measure_lines() {
	note "memory_lines.$1"
	taskset -c "${bench_cpus[1]}" "$bench_build/tests/bench/memory_lines" $((512 << 10)) \
		>"$bench_results/memory_lines_near.$1.json"
	taskset -c "${bench_cpus[1]}" "$bench_build/tests/bench/memory_lines" $(($2 * 384 / 50)) \
		>"$bench_results/memory_lines_far.$1.json"
}

# What a query costs the worker alone, over frames in plain memory with no generator beside it: with
# as many in flight as RATE queries a second have within 20 ms, and with 200,000, against 1,000.
measure_plain() {
	note "plain.$1"
	taskset -c "${bench_cpus[1]}" "$bench_build/tests/bench/forward_bench" 1000 $(($2 / 50)) \
		>"$bench_results/plain_20ms.$1.json"
	taskset -c "${bench_cpus[1]}" "$bench_build/tests/bench/forward_bench" 1000 200000 \
		>"$bench_results/plain_200000.$1.json"
}

measure_forward() {
	local round rate
	for round in $(seq "$bench_rounds"); do
		measure_circulation "$round"
		measure_beside_yardstick forward_0ms "$round" 64 --window 512
		rate=$(round_rate forward_0ms "$round")
		measure_beside_yardstick forward_20ms "$round" 96 --window 131072 --delay 20000 \
			--rate "$rate"
		measure_lines "$round" "$rate"
		measure_plain "$round" "$rate"
		measure_beside_yardstick in_flight_1000 "$round" 64 --window 1000
		rate=$(round_rate in_flight_1000 "$round")
		# The delay that keeps so many in flight at the rate of the run before; some more
		# are allowed, so that it is not the window that bounds the rate.
		measure_beside_yardstick in_flight_200000 "$round" 128 --window 220000 \
			--delay $((200000 * 1000000 / rate)) --rate $((rate * 11 / 10)) \
			--warm-up 250
	done
}
