# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# millrace on AF_XDP beside dnsdist, Unbound, Knot Resolver and BIND as forwarders on
# a veth pair, one core each, three rounds at most (scripts/setup --bench)

# Every forwarder has one core for itself, one after the other, in the lab's namespace. Clients
# and upstream are on the other core: millrace-veth-load plays both in the kernel, which costs
# so little that each forwarder is what holds things up; its figures are those compared. Then
# dnsperf asks, and millrace-veth-load is the upstream only; dnsperf holds things up then. At last
# each has its cache, and millrace-veth-load asks for what they hold.
#
# What a frame costs on a veth pair is the same for all: the forwarder's core pays for sending,
# up to the queue of the other end; receiving, up to the socket, is on the core of the load, whose
# NAPI thread wakes the forwarder's. This favours those that receive by the kernel's UDP.

# These variables are of runs.sh and lib.sh.
# shellcheck disable=SC2154
peers=(millrace dnsdist unbound knot_resolver bind)
peers_folder=
# A process id, or empty.
peers_forwarder=
# Set while they have their caches.
peers_cache=
# So many names are then asked again and again, which all of them hold.
peers_names=1000
# Of dnsperf: as many for each, since it counts as lost what is in flight when it ends by the clock.
peers_queries=100000
# veth's queue holds 256 frames; no forwarder drops for want of room with so many in flight.
peers_window=128
# Milliseconds measured: the kernel counts busy time by 10, and lets nobody have a core for a whole
# second, which begins before the load does.
peers_time=300

# shellcheck source=tests/bench/peers/forwarders.sh
. "$source_root/tests/bench/peers/forwarders.sh"
# shellcheck source=tests/bench/peers/load.sh
. "$source_root/tests/bench/peers/load.sh"

need_peers() {
	local name
	for name in dnsdist unbound kresd named dnsperf chrt; do
		command -v "$name" >/dev/null || die "$name is not there: run scripts/setup --bench"
	done
}

stop_peer() {
	stop_load
	[ -z "$peers_forwarder" ] || stop_processes 6 "$peers_forwarder"
	peers_forwarder=
	remove_dpdk_files "$lab_prefix-peers"
}

close_peers() {
	stop_peer
	[ -z "$peers_folder" ] || "$source_root/scripts/lab" down
}

open_peers() {
	local peer
	peers_folder=$bench_folder/peers
	mkdir "$peers_folder"
	# BIND and others give up being root before they look at their files.
	chmod 755 "$bench_folder" "$peers_folder"
	"$source_root/scripts/lab" up
	route_load
	awk -v count="$peers_queries" 'BEGIN { for (i = 0; i < count; i++)
		printf "%011x.bench.test A\n", i }' >"$peers_folder/queries"
	for peer in "${peers[@]}"; do
		"version_$peer" >"$peers_folder/version" 2>&1 || true
		grep -oE '[0-9]+(\.[0-9]+)+' "$peers_folder/version" | head -n 1 \
			>"$bench_results/version.$peer"
	done
}

peer_is_ready() {
	local file=$peers_folder/log
	process_is_gone "$peers_forwarder" && return
	case $1 in
	millrace) grep -qx 'millrace: ready' "$file" ;;
	*) in_lab forwarder ss -Hlun 'sport = :53' | grep -q . ;;
	esac
}

# start_peer NAME
start_peer() {
	local command=()
	"configure_$1"
	"command_$1"
	[ "$1" = millrace ] || command=(taskset -c "${bench_cpus[1]}" "${command[@]}")
	: >"$peers_folder/log"
	ip netns exec "$(lab_namespace forwarder)" "${command[@]}" >"$peers_folder/log" 2>&1 </dev/null &
	peers_forwarder=$!
	wait_until 20 peer_is_ready "$1" || true
	if process_is_gone "$peers_forwarder" || ! peer_is_ready "$1"; then
		die "$1 does not start: $(tail -n 20 "$peers_folder/log")"
	fi
}

# set_peer_policy NAME OPTION PRIORITY: of chrt, for the threads that run on the measured core.
set_peer_policy() {
	if [ "$1" = millrace ]; then
		chrt "$2" -p "$3" "$(poller "$peers_forwarder")"
	else
		chrt -a "$2" -p "$3" "$peers_forwarder"
	fi
}

# keep_counters NAME FILE: of the one whose core is always busy, since it polls.
keep_counters() {
	[ "$1" = millrace ] || return 0
	echo /millrace/stats | timeout 20 dpdk-telemetry.py -f "$lab_prefix-peers" \
		>"$bench_results/$2" || die "millrace tells no counters"
}

# measure_with_load NAME ROUND RESULT OPTION...: both go before all else on their cores. Status 2
# says that something was lost or wrong, as the result does.
measure_with_load() {
	local status=0 file=$bench_results/$3_$1.$2.json
	keep_counters "$1" "counters_$3_before.$2"
	set_peer_policy "$1" -f 1
	start_load --real-time --window "$peers_window" --time "$peers_time" "${@:4}" \
		--json "$file"
	wait_until 40 load_has_measured "$file" || true
	# What the load does at its end waits for threads of the kernel, which must have their turn.
	set_peer_policy "$1" -o 0
	finish_load || status=$?
	[ "$status" = 0 ] || [ "$status" = 2 ] ||
		die "$1: $(tail -n 5 "$bench_folder/load.log" "$peers_folder/log")"
	keep_counters "$1" "counters_$3_after.$2"
}

# measure_with_dnsperf NAME ROUND
measure_with_dnsperf() {
	start_load --upstream-only
	wait_until 10 load_is_ready || true
	! process_is_gone "$veth_load" || die "no upstream: $(cat "$bench_folder/load.log")"
	# A signal ends the wait, and the lab's end whom we wait for.
	in_lab world taskset -c "${bench_cpus[0]}" setsid --wait \
		"$source_root/tests/bench/peers/first" dnsperf -s 10.53.0.2 \
		-d "$peers_folder/queries" -n 1 -c 8 -T 1 -q "$peers_window" -t 2 \
		>"$bench_results/dnsperf_$1.$2" 2>&1 </dev/null &
	wait "$!" || die "dnsperf: $(cat "$bench_results/dnsperf_$1.$2")"
	stop_load
}

measure_peers() {
	local round peer
	open_peers
	for round in $(seq $((bench_rounds < 3 ? bench_rounds : 3))); do
		for peer in "${peers[@]}"; do
			note "peers.$round: $peer"
			start_peer "$peer"
			measure_with_dnsperf "$peer" "$round"
			measure_with_load "$peer" "$round" peer --warm-up 50
			stop_peer
			note "peers.$round: $peer, hits"
			peers_cache=yes
			start_peer "$peer"
			measure_with_load "$peer" "$round" hit_peer --warm-up 200 \
				--names "$peers_names"
			stop_peer
			peers_cache=
		done
	done
	"$source_root/scripts/lab" down
}
