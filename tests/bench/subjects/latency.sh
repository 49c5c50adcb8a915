# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# at half the rate that `forward` comes to

measure_latency() {
	local round
	for round in $(seq "$bench_rounds"); do
		[ -e "$bench_results/forward_0ms.$round.json" ] ||
			measure_millrace "forward_0ms.$round" 64 --window 512
		measure_millrace "latency.$round" 64 --window 32768 \
			--rate $(($(result "forward_0ms.$round" qps) / 2))
	done
}
