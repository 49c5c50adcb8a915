# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs of the generator whose results are kept: for scripts/bench and its subjects. To be sourced,
# not run.
#
# A subject is subjects/NAME.sh with measure_NAME, which leaves results in $bench_results as
# WHAT.ROUND.json, and subjects/NAME.py, which makes figures of them (see figures.py). It may have
# need_NAME, which dies when something is missing, and close_NAME, which undoes what it began.
#
# The yardstick of a run is the same run with dpdk-testpmd in millrace's place, in 5tswap mode:
# each query, turned round, comes back as one to an upstream, and its answer, turned round, as one
# to the client. So the generator does the same work on frames of the same sizes, and what is
# left is what the link, the generator and the machine can do. Its packets a second, one in and
# out counted once, are the limit: two a query, as millrace has two frames in and two out.

# shellcheck source=tests/bench/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2034
bench_rounds=5
# Of each run: how many windows, and milliseconds measured in each.
bench_windows=6
bench_time=150
# bench_open makes its parent.
bench_results=

# begin_generator FILE MEGABYTES OPTION...: it waits for the thread id of the forwarder.
begin_generator() {
	local name=$1 megabytes=$2
	shift 2
	note "$name"
	rm -f "$bench_folder/begin"
	mkfifo "$bench_folder/begin"
	start_generator "$megabytes" "$bench_results/$name.json" --real-time \
		--warm-up 50 --time "$bench_time" --windows "$bench_windows" --patience 3000 "$@" \
		<>"$bench_folder/begin"
}

# go FILE: status 2 of the generator means that something was lost or wrong, which stands in the
# result.
go() {
	local status=0 file=$bench_results/$1.json
	wait_until 20 has_poller "$bench_forwarder" || die "the forwarder does not poll"
	poller "$bench_forwarder" >"$bench_folder/begin"
	wait_for_result "$file"
	end_forwarder "$1"
	finish_generator "$file" || status=$?
	[ "$status" = 0 ] || [ "$status" = 2 ] ||
		die "$1: $(tail -n 3 "$bench_folder/generator.log" "$bench_folder/forwarder.log")"
}

# end_forwarder FILE: leaves its counters beside the result.
end_forwarder() {
	local counters=$bench_results/$1.counters
	process_is_gone "$bench_forwarder" && return
	if [ -e "$bench_folder/commands" ]; then
		stop_testpmd
		grep -E 'RX-packets|TX-packets|cycles/packet' "$bench_folder/forwarder.log" \
			>"$counters.log" || true
		rm "$bench_folder/commands"
	else
		python3 "$source_root/tests/bench/telemetry.py" "$lab_prefix-forwarder" \
			/millrace/stats /millrace/ports,0 /millrace/upstreams >"$counters" ||
			die "$1: millrace does not say what it counted"
		# Large tables may stand on huge pages, which are counted apart.
		awk '/^(VmRSS|HugetlbPages):/ { sum += $2 } END { printf "%.0f\n", sum * 1024 }' \
			"/proc/$bench_forwarder/status" >"$counters.memory"
	fi
}

# run FORWARDER NAME ROUND MEGABYTES OPTION...: of the generator, against millrace or testpmd.
run() {
	local forwarder=$1 file=$2.$3
	shift 3
	begin_generator "$file" "$@"
	"start_$forwarder"
	go "$file"
}

# measure_millrace NAME ROUND MEGABYTES OPTION...
measure_millrace() {
	run millrace "$@"
}

# measure_yardstick NAME ROUND MEGABYTES OPTION...
measure_yardstick() {
	local name=$1
	shift
	run testpmd "${name}_yardstick" "$@"
}

# measure_beside_yardstick NAME ROUND MEGABYTES OPTION...
measure_beside_yardstick() {
	measure_millrace "$@"
	measure_yardstick "$@"
}

# round_rate NAME ROUND: the queries a second of that run, a whole number.
round_rate() {
	python3 "$source_root/tests/bench/results.py" "$bench_results" "$@"
}
