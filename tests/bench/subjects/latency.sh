# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# at half the rate that `forward` comes to; in many short windows, since one
# interruption of either core is enough for the 99th percentile of a long one

measure_latency() {
	local round rate windows=$((bench_windows * 6))
	for round in $(seq "$bench_rounds"); do
		[ -e "$bench_results/forward_0ms.$round.json" ] ||
			measure_millrace forward_0ms "$round" 64 --window 512
		rate=$(($(round_rate forward_0ms "$round") / 2))
		measure_beside_yardstick latency "$round" 64 --window 32768 --rate "$rate" \
			--warm-up 10 --time 25 --windows "$windows"
		note "latency_cores.$round"
		taskset -c "${bench_cpus[0]},${bench_cpus[1]}" "$bench_build/tests/bench/core_echo" \
			"$rate" 25 "$windows" >"$bench_results/latency_cores.$round.json"
	done
}
