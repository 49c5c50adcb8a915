# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs of the generator whose results are kept: for scripts/bench and its subjects. To be sourced,
# not run.
#
# A subject is subjects/NAME.sh with measure_NAME, which leaves results in $bench_results as
# WHAT.ROUND.json, and subjects/NAME.py, which makes figures of them (see figures.py). It may have
# need_NAME, which dies when something is missing, and close_NAME, which undoes what it began.

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

bench_rounds=5
# Milliseconds measured a run.
bench_time=500
# A run in which others had the generator's core for longer, in microseconds, is measured again.
bench_pause_most=250
bench_tries=4
# bench_open makes its parent.
bench_results=

# begin_generator NAME MEGABYTES OPTION...: it waits for the thread id of the forwarder.
begin_generator() {
	local name=$1 megabytes=$2
	shift 2
	note "$name"
	rm -f "$bench_folder/begin" "$bench_results/$name.json"
	mkfifo "$bench_folder/begin"
	start_generator "$megabytes" "$bench_results/$name.json" --real-time \
		--warm-up 200 --time "$bench_time" "$@" <>"$bench_folder/begin"
}

# Status 2 of the generator means that something was lost or wrong, which stands in the result.
# go NAME: 1 when the generator's core was taken away for longer than the rings last.
go() {
	local status=0 file=$bench_results/$1.json
	wait_until 20 has_poller "$bench_forwarder" || die "the forwarder does not poll"
	poller "$bench_forwarder" >"$bench_folder/begin"
	finish_generator "$file" || status=$?
	[ "$status" = 0 ] || [ "$status" = 2 ] ||
		die "$1: $(tail -n 3 "$bench_folder/generator.log" "$bench_folder/forwarder.log")"
	[ "$(result "$1" longest_pause_us)" -le "$bench_pause_most" ]
}

# measure_limit NAME
measure_limit() {
	local _
	for _ in $(seq "$bench_tries"); do
		begin_generator "$1" 64 --yardstick --window 512
		start_testpmd
		! go "$1" || return 0
	done
}

# measure_millrace NAME MEGABYTES OPTION...: of the generator.
measure_millrace() {
	local _
	for _ in $(seq "$bench_tries"); do
		begin_generator "$@"
		start_millrace --queries 262144
		! go "$1" || return 0
	done
}

# result NAME KEY: a whole number.
result() {
	python3 -c 'import json, sys; print(round(json.load(open(sys.argv[1]))[sys.argv[2]]))' \
		"$bench_results/$1.json" "$2"
}
