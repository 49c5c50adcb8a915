# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the benchmark and its smoke test share: millrace-generator on one core and a forwarder on
# another, joined by memif. To be sourced, not run.
#
# The generator has the memif's server side, and with it the work of copying frames; the
# forwarder maps its own.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"
bench_build=
bench_folder=
bench_namespace=$(lab_namespace bench)
# Process ids, or empty.
bench_generator=
bench_forwarder=
# The first for the generator, the second for the worker lcore, a third, if any, for the rest.
mapfile -t bench_cpus < <(usable_cpus 3)
generator_mac=02:00:00:00:60:02
forwarder_mac=02:00:00:00:60:01
# The logarithm of what each ring of the memif holds: enough to last while the generator's core is
# someone else's for some tenths of a millisecond. The same for millrace and testpmd.
bench_ring=12

# bench_open BUILD
bench_open() {
	bench_build=$1
	bench_folder=$(mktemp -d)
	# For scripts/bench and its subjects.
	# shellcheck disable=SC2034
	bench_results=$bench_folder/results
	ip netns add "$bench_namespace"
	ip -n "$bench_namespace" link set lo up
	mkdir "$bench_folder/drivers"
	cp "$source_root"/drivers-config/*.ini "$bench_folder/drivers"
	sed -i -E "s/^(rx|tx)_ring = .*/\1_ring = $((1 << bench_ring))/" \
		"$bench_folder/drivers/memif.ini"
	cat >"$bench_folder/millrace.conf" <<-END
		. {
			forward . 10.60.0.2 {
				max_age 0s
			}
		}
	END
}

bench_stop() {
	local pid
	for pid in "$bench_forwarder" "$bench_generator"; do
		[ -z "$pid" ] || stop_processes 10 "$pid"
	done
	bench_forwarder=
	bench_generator=
	remove_dpdk_files "$lab_prefix-generator"
	remove_dpdk_files "$lab_prefix-forwarder"
	rm -f "$bench_folder/socket"
}

bench_close() {
	[ -n "$bench_folder" ] || return 0
	bench_stop
	ip netns del "$bench_namespace" || true
	rm -rf "$bench_folder"
}

# bench_memory MEGABYTES: sets `memory`, EAL's options for so much, in hugepages where there are.
bench_memory() {
	local free
	free=$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0)
	memory=(-m "$1")
	[ $((free * 2)) -ge "$1" ] || memory=(--no-huge -m "$1")
}

# Its socket is there before its port is started, and who connects in between is turned away for
# good.
generator_is_open() {
	grep -qx 'millrace: port 0 is open' "$bench_folder/generator.log"
}

generator_is_open_or_ended() {
	generator_is_open || process_is_gone "$bench_generator"
}

# start_generator MEGABYTES JSON OPTION...: it reads our standard input.
start_generator() {
	local memory json=$2
	bench_memory "$1"
	shift 2
	# The last one's lines must not be taken for this one's.
	: >"$bench_folder/generator.log"
	"$bench_build/tests/bench/generator/millrace-generator" --lcores "0@${bench_cpus[0]}" --no-pci "${memory[@]}" --no-telemetry \
		--file-prefix "$lab_prefix-generator" \
		--vdev "net_memif0,role=server,socket=$bench_folder/socket,socket-abstract=no,mac=$generator_mac" \
		-- --stay --json "$json" "$@" >"$bench_folder/generator.log" 2>&1 <&0 &
	bench_generator=$!
	wait_until 20 generator_is_open_or_ended || true
	generator_is_open ||
		die "the generator does not start: $(cat "$bench_folder/generator.log")"
}

# forwarder_options: sets `eal`, the same for millrace and testpmd.
forwarder_options() {
	local memory
	bench_memory 128
	eal=(--lcores "0@${bench_cpus[2]},1@${bench_cpus[1]}" --no-pci "${memory[@]}"
		--file-prefix "$lab_prefix-forwarder" --single-file-segments
		--vdev "net_memif0,role=client,socket=$bench_folder/socket,socket-abstract=no,zero-copy=yes,rsize=$bench_ring,mac=$forwarder_mac")
}

millrace_has_interface() {
	ip -n "$bench_namespace" link show millrace0 >"$bench_folder/link" 2>&1 ||
		process_is_gone "$bench_forwarder"
}

millrace_is_ready() {
	grep -q ': ready$' "$bench_folder/forwarder.log" || process_is_gone "$bench_forwarder"
}

result_is_there() {
	[ -e "$1" ] || process_is_gone "$bench_generator"
}

# wait_for_result JSON
wait_for_result() {
	# Ten million names are asked before the first window.
	wait_until 300 result_is_there "$1" || true
}

# finish_generator JSON: the forwarder ends first, since memif crashes who polls it when the other
# side goes away. The exit status is the generator's: 2 when something was lost or wrong.
finish_generator() {
	local status=0
	wait_for_result "$1"
	stop_processes 10 "$bench_forwarder"
	bench_forwarder=
	kill "$bench_generator" 2>/dev/null || true
	wait "$bench_generator" || status=$?
	bench_generator=
	bench_stop
	return "$status"
}

# start_millrace [OPTION...]
start_millrace() {
	local eal
	forwarder_options
	: >"$bench_folder/forwarder.log"
	ip netns exec "$bench_namespace" "$bench_build/app/millrace" "${eal[@]}" \
		-- --config "$bench_folder/millrace.conf" \
		--drivers-config "$bench_folder/drivers" "$@" \
		>"$bench_folder/forwarder.log" 2>&1 </dev/null &
	bench_forwarder=$!
	if wait_until 60 millrace_has_interface && ! process_is_gone "$bench_forwarder"; then
		# Nobody answers ARP behind the generator.
		printf '%s\n' 'link set millrace0 up' 'addr add 10.60.0.1/24 dev millrace0' \
			"neigh replace 10.60.0.2 lladdr $generator_mac dev millrace0 nud permanent" |
			ip -n "$bench_namespace" -batch -
		wait_until 60 millrace_is_ready && ! process_is_gone "$bench_forwarder" && return
	fi
	die "millrace does not start: $(cat "$bench_folder/forwarder.log")"
}

# It reads commands from a pipe: what it counts it says when it is told to stop forwarding.
start_testpmd() {
	local eal
	forwarder_options
	rm -f "$bench_folder/commands"
	mkfifo "$bench_folder/commands"
	dpdk-testpmd "${eal[@]}" -- --interactive --record-core-cycles --forward-mode=5tswap \
		--nb-cores=1 --rxd=$((1 << bench_ring)) --txd=$((1 << bench_ring)) --burst=64 \
		--auto-start --no-flush-rx \
		>"$bench_folder/forwarder.log" 2>&1 <>"$bench_folder/commands" &
	bench_forwarder=$!
}

testpmd_has_stopped() {
	grep -q 'CPU cycles/packet=' "$bench_folder/forwarder.log" ||
		process_is_gone "$bench_forwarder"
}

# Leaves its counts in the log.
stop_testpmd() {
	echo stop >"$bench_folder/commands"
	wait_until 10 testpmd_has_stopped || true
	echo quit >"$bench_folder/commands"
	wait_until 10 process_is_gone "$bench_forwarder" || true
}

# poller PID: the thread that polls.
poller() {
	grep -lx rte-worker-1 /proc/"$1"/task/*/comm 2>/dev/null | cut -d / -f 5
}

has_poller() {
	[ -n "$(poller "$1")" ]
}
