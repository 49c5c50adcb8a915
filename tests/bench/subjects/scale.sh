# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# forwarded queries of one worker lcore and of two, each with clients and upstreams of its own
# in plain memory

# These variables are of runs.sh.
# shellcheck disable=SC2154
measure_scale() {
	local round
	for round in $(seq "$bench_rounds"); do
		note "scale.$round"
		taskset -c "${bench_cpus[0]},${bench_cpus[1]}" "$bench_build/tests/bench/scale_bench" \
			"$bench_time" >"$bench_results/scale.$round.json"
	done
}
