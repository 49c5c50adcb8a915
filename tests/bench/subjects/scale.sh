# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# forwarded queries of one worker lcore and of two, each with clients and upstreams of its own
# in plain memory; and how often a query writes a cache line that another lcore writes, too

# These variables are of runs.sh.
# shellcheck disable=SC2154
measure_scale() {
	local round
	"$bench_build/tests/bench/shared_lines" >"$bench_results/shared_lines.1.json" ||
		die "lines are written by several lcores: $(cat "$bench_results/shared_lines.1.json")"
	for round in $(seq "$bench_rounds"); do
		note "scale.$round"
		taskset -c "${bench_cpus[0]},${bench_cpus[1]}" "$bench_build/tests/bench/scale_bench" \
			"$bench_time" >"$bench_results/scale.$round.json"
	done
}
