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

# measure_hit_run NAME ROUND OPTION...: each name is asked once before the first window, so that what
# is measured are hits. The yardstick is testpmd in its place: of the same names, as many at once as
# keep it busy; it has none to fill in, and nothing to wait for.
measure_hit_run() {
	local name=$1 round=$2
	shift 2
	measure_millrace "$name" "$round" 128 --fill 1 "$@"
}

measure_hit() {
	local round million="--names zipf --name-count 1000000"
	use_cache
	for round in $(seq "$bench_rounds"); do
		# Frames that go round and round, and that nobody looks at: the stricter limit.
		run testpmd hit_circulation "$round" 64 --circulate --window 512
		measure_hit_run hit_1000 "$round" --window 512 --names uniform --name-count 1000
		measure_yardstick hit_1000 "$round" 128 --window 512 --names uniform --name-count 1000
		# shellcheck disable=SC2086
		measure_hit_run hit_1000000_zipf "$round" --window 512 $million
		# shellcheck disable=SC2086
		measure_yardstick hit_1000000_zipf "$round" 128 --window 512 $million
		measure_hit_run hit_10000000 "$round" --window 512 --names uniform \
			--name-count 10000000
		measure_yardstick hit_10000000 "$round" 128 --window 512 --names uniform \
			--name-count 10000000
		measure_hit_run hit_90 "$round" --window 65536 --names uniform --name-count 1000 \
			--new-names 10 --delay 20000
		measure_yardstick hit_90 "$round" 128 --window 512 --names uniform \
			--name-count 1000 --new-names 10
	done
	mv "$bench_folder/millrace.conf.plain" "$bench_folder/millrace.conf"
}
