# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# the store of the cache: lookups while another lcore inserts, what an answer takes, and hit
# ratios against exact LRU and under a flood

measure_cache() {
	local round
	"$bench_build/tests/unit/test_cache_eviction" >"$bench_results/cache_eviction.txt" ||
		die "the store: $(tail -n 20 "$bench_results/cache_eviction.txt")"
	for round in $(seq "$bench_rounds"); do
		note "cache.$round"
		taskset -c "${bench_cpus[0]},${bench_cpus[1]}" "$bench_build/tests/bench/cache_bench" \
			--json 1000 | tail -n 1 >"$bench_results/cache.$round.json"
	done
}
