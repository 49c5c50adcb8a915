# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# taking a connection and giving it back, on one lcore and on two, without the sweep, with the
# sweep at its pace, and with one that never pauses

# These variables are of runs.sh.
# shellcheck disable=SC2154
measure_pool() {
	local round
	for round in $(seq "$bench_rounds"); do
		note "pool.$round"
		taskset -c "${bench_cpus[0]},${bench_cpus[1]}" "$bench_build/tests/bench/pool_bench" \
			"$bench_time" >"$bench_results/pool.$round.json"
	done
}
