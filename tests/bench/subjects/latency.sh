# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# at half the rate that `forward` comes to; in many short windows, since one
# interruption of either core is enough for the 99th percentile of a long one

measure_latency() {
	local round
	for round in $(seq "$bench_rounds"); do
		[ -e "$bench_results/forward_0ms.$round.json" ] ||
			measure_millrace forward_0ms "$round" 64 --window 512
		measure_beside_yardstick latency "$round" 64 --window 32768 \
			--rate $(($(round_rate forward_0ms "$round") / 2)) \
			--warm-up 10 --time 25 --windows $((bench_windows * 6))
	done
}
