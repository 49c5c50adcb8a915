# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-3-Clause
# answers from the cache: of 1,000 names, of 1,000,000 by Zipf's law, of 10,000,000 evenly;
# and one of ten new, from an upstream 20 ms away

# The configuration of the other subjects has no cache.
use_cache() {
	cp "$bench_folder/millrace.conf" "$bench_folder/millrace.conf.plain"
	cat >"$bench_folder/millrace.conf" <<-END
		. {
			cache {
				size 3G
			}
			forward . 10.60.0.2 {
				max_age 0s
			}
		}
	END
}

# measure_hit_run NAME ROUND OPTION...
measure_hit_run() {
	local name=$1 round=$2
	shift 2
	measure_millrace "$name" "$round" 128 "$@"
}

measure_hit() {
	local round
	use_cache
	for round in $(seq "$bench_rounds"); do
		# The yardstick: a hit is a frame in and one out.
		run testpmd hit_limit "$round" 64 --circulate --window 512
		# Each name is asked once before the first window: what is measured are hits.
		measure_hit_run hit_1000 "$round" --window 512 --names uniform --name-count 1000 \
			--fill 1
		measure_hit_run hit_1000000_zipf "$round" --window 512 --names zipf \
			--name-count 1000000 --fill 1
		measure_hit_run hit_10000000 "$round" --window 512 --names uniform \
			--name-count 10000000 --fill 1
		measure_hit_run hit_90 "$round" --window 65536 --names uniform \
			--name-count 1000 --new-names 10 --delay 20000 --fill 1
	done
	mv "$bench_folder/millrace.conf.plain" "$bench_folder/millrace.conf"
}
