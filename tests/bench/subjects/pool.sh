# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# taking a connection and giving it back, without and with the sweep at it

measure_pool() {
	local round
	for round in $(seq "$bench_rounds"); do
		note "pool.$round"
		taskset -c "${bench_cpus[0]},${bench_cpus[1]}" "$bench_build/tests/bench/pool_bench" \
			--json >"$bench_results/pool.$round.json"
	done
}
