# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the functional tests share, on top of scripts/lib.sh. To be sourced, not run.
#
# A test of the whole program: begin_test, `scripts/lab up`, start_knot, start_millrace, and then
# dnsperf or dig from the lab's world, and the counters. All ends with the test.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

lab=$source_root/scripts/lab
scratch=
program=
millrace=
declare -A knots=()
# What stops with the test: process ids.
helpers=()

fail() {
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}

# What ends a test without a word of its own is named.
set -o errtrace
trap '[ "$BASH_SUBSHELL" != 0 ] || printf "line %s of %s fails: %s\n" "$LINENO" \
	"${BASH_SOURCE[0]##*/}" "$BASH_COMMAND" >&2' ERR

# begin_test BUILD: names the program and a folder of our own, and cleans up at the end.
begin_test() {
	program=$1/app/millrace
	[ -x "$program" ] || fail "$program is not there"
	scratch=$(mktemp -d)
	chmod 755 "$scratch"
	trap end_test EXIT
	sanitizer_options
	mapfile -t cpus < <(usable_cpus 2)
	read -ra memory < <(memory_options)
}

# show_state: for who has to find out why a test failed.
show_state() {
	local command
	[ ! -s "$scratch/millrace.log" ] || tail -n 40 "$scratch/millrace.log"
	if [ -n "$millrace" ] && ! process_is_gone "$millrace"; then
		for command in stats upstreams health stream_upstreams pools; do
			read_counters "$command" last || break
			echo "$command:" "$(awk '$2 != 0 { printf "%s=%s ", $1, $2 }' "$scratch/last.counters")"
		done
	fi
	[ ! -s "$scratch/dnsperf.log" ] || grep -E '^(Statistics| )' "$scratch/dnsperf.log"
	echo "dropped by the lab: $(lab_drops)"
	grep -H . /proc/loadavg /proc/pressure/cpu
}

end_test() {
	local status=$?
	trap - ERR
	[ "$status" = 0 ] || show_state >&2 2>&1 || true
	[ -z "$millrace" ] || stop_processes 8 "$millrace"
	stop_processes 2 "${knots[@]}" "${helpers[@]}"
	"$lab" down
	remove_dpdk_files "$lab_prefix"
	rm -rf "$scratch"
	exit "$status"
}

# The sanitizers make everything slow: tests send less, and wait longer.
is_sanitized() {
	grep -q __asan_init "$program"
}

# in_background SIDE NAME COMMAND...: its output goes to NAME.log; the id to $last_helper.
in_background() {
	local side=$1 name=$2
	shift 2
	ip netns exec "$(lab_namespace "$side")" "$@" >"$scratch/$name.log" 2>&1 </dev/null &
	last_helper=$!
	helpers+=("$last_helper")
}

# The upstreams' zone: *.wild is there, any other name not.
write_zone() {
	local index
	cat >"$scratch/example.test.zone" <<-'ZONE'
		$ORIGIN example.test.
		$TTL 300
		@	SOA	ns hostmaster 1 3600 900 604800 60
		@	NS	ns
		ns	A	10.53.0.11
		www	A	192.0.2.80
		www	AAAA	2001:db8::80
		*.wild	A	192.0.2.1
	ZONE
	# About 4000 bytes: more than any datagram of ours may carry.
	for index in {01..19}; do
		printf 'large\tTXT\t"%s %0190d"\n' "$index" 0
	done >>"$scratch/example.test.zone"
	# And about 63,000.
	for index in {001..250}; do
		printf 'huge\tTXT\t"%s %0236d"\n' "$index" 0
	done >>"$scratch/example.test.zone"
}

knot_answers() {
	in_lab world dig +short +time=1 +tries=1 "@$1" example.test SOA 2>/dev/null | grep -q .
}

# start_knot NAME ADDRESS...: an upstream in the lab's world. Its id is in knots[NAME].
start_knot() {
	local name=$1 folder=$scratch/knot-$1 listen address
	shift
	listen=$(printf ', %s@53' "$@")
	mkdir -p "$folder"
	write_zone
	cat >"$folder/knot.conf" <<-CONF
		server:
		    rundir: "$folder"
		    listen: [ ${listen#, } ]
		    udp-workers: 1
		    tcp-workers: 1
		    background-workers: 1
		    udp-max-payload: 4096
		database:
		    storage: "$folder"
		log:
		  - target: stderr
		    any: warning
		zone:
		  - domain: example.test
		    file: "$scratch/example.test.zone"
		    zonefile-sync: -1
		    journal-content: none
	CONF
	ip netns exec "$(lab_namespace world)" knotd -c "$folder/knot.conf" \
		>"$folder/log" 2>&1 </dev/null &
	knots[$name]=$!
	for address; do
		wait_until 10 knot_answers "$address" ||
			fail "no answer from $address: $(cat "$folder/log")"
	done
}

upstream_is_ready() {
	grep -qsx ready "$scratch/upstream-$1.log"
}

# start_upstream ADDRESS SECONDS [STRINGS [RCODE]]: tests/functional/upstream.py; its id in $last_helper.
start_upstream() {
	in_background world "upstream-$1" python3 "$source_root/tests/functional/upstream.py" "$@"
	wait_until 10 upstream_is_ready "$1" ||
		fail "no upstream: $(cat "$scratch/upstream-$1.log")"
}

# kill_knot NAME: as by a crash.
kill_knot() {
	local pid=${knots[$1]}
	unset "knots[$1]"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
}

millrace_is_ready() {
	grep -qx 'millrace: ready' "$scratch/millrace.log" || process_is_gone "$millrace"
}

# launch_millrace EAL-OPTION... [-- OPTION...] <<<CONFIGURATION: waits until it is ready.
launch_millrace() {
	local eal=() options=()
	cat >"$scratch/millrace.conf"
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		eal+=("$1")
		shift
	done
	[ $# = 0 ] || options=("${@:2}")
	: >"$scratch/millrace.log"
	ip netns exec "$(lab_namespace forwarder)" "$program" "${memory[@]}" --no-pci \
		"--file-prefix=$lab_prefix" "${eal[@]}" -- --config "$scratch/millrace.conf" \
		"${options[@]}" >"$scratch/millrace.log" 2>&1 </dev/null &
	millrace=$!
	wait_until 40 millrace_is_ready || fail "millrace is not ready"
	if process_is_gone "$millrace"; then
		millrace=
		fail "millrace ended at its start"
	fi
}

# start_millrace DEVICE <<<CONFIGURATION: one worker lcore.
start_millrace() {
	launch_millrace "--lcores=0@${cpus[0]},1@${cpus[1]}" "--vdev=$1" "${@:2}"
}

# stop_millrace: by SIGTERM; its exit status must be 0.
stop_millrace() {
	local pid=$millrace status=0
	kill -TERM "$pid"
	wait_until 10 process_is_gone "$pid" || fail "millrace does not end"
	millrace=
	wait "$pid" || status=$?
	[ "$status" = 0 ] || fail "millrace ended with $status"
}

# read_counters COMMAND [NAME]: keeps what telemetry says to /millrace/COMMAND, for counter, under
# NAME (COMMAND); of upstreams, of which an answer has room for some, of all.
read_counters() {
	python3 -IS - "/var/run/dpdk/$lab_prefix/dpdk_telemetry.v2" "/millrace/$1" \
		>"$scratch/${2:-$1}.counters" <<-'PYTHON'
		import json, socket, sys
		telemetry = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		telemetry.settimeout(10)
		telemetry.connect(sys.argv[1])
		most = json.loads(telemetry.recv(1024))["max_output_len"]
		command, first = sys.argv[2], 0
		while command:
		    telemetry.send(command.encode())
		    values, = json.loads(telemetry.recv(most)).values()
		    for name, value in values.items():
		        print(name, value)
		        if "/" in name and "upstreams" in values:
		            first = max(first, int(name.split("/")[0]) + 1)
		    more = "," not in sys.argv[2] and 0 < first < values.get("upstreams", 0)
		    command = f"{sys.argv[2]},{first}" if more and f",{first}" not in command else None
	PYTHON
}

# counter COMMAND NAME: one number of the last read_counters COMMAND.
counter() {
	awk -v name="$2" '$1 == name { print $2; found = 1 } END { exit !found }' \
		"$scratch/$1.counters" || fail "no counter $2"
}

counters_sum() {
	awk -v pattern="^($1)$" '$1 ~ pattern { sum += $2 } END { print sum + 0 }' \
		"$scratch/stats.counters"
}

# expect_counters_add_up: every frame and query has one verdict (lib/stats/counters.h).
expect_counters_add_up() {
	local frames queries replies errors
	read_counters stats
	frames=$(counters_sum 'frames_received|frames_hopped_in')
	queries=$(counters_sum 'query_.*|queries_in_flight')
	replies=$(counters_sum 'reply_.*')
	errors=$(counters_sum 'icmp_.*')
	[ "$frames" = "$(counters_sum 'frame_.*')" ] || fail "frames: verdicts do not add up"
	[ "$queries" = "$(counters_sum 'frame_query|stream_query')" ] || fail "queries: verdicts do not add up"
	[ "$replies" = "$(counters_sum 'frame_reply|stream_reply')" ] || fail "replies: verdicts do not add up"
	[ "$errors" = "$(counter stats frame_icmp_error)" ] || fail "errors: verdicts do not add up"
}

# expect_counter COMMAND NAME OPERATOR VALUE: OPERATOR as of test(1).
expect_counter() {
	local value
	value=$(counter "$1" "$2")
	test "$value" "$3" "$4" || fail "counter $2 is $value, not $3 $4"
}

# write_queries COUNT: half of them answered NOERROR, half NXDOMAIN.
write_queries() {
	awk -v count="$1" 'BEGIN { for (i = 0; i < count; i++)
		printf "n%d.%s.example.test A\n", i, i % 2 ? "wild" : "absent" }' >"$scratch/queries"
}

# lab_drops: frames so far for which the lab's own wire had no room: a veth has 256 places, and is
# emptied when a CPU has time.
lab_drops() {
	local side
	for side in world forwarder; do
		in_lab "$side" cat /sys/class/net/eth0/statistics/tx_dropped
	done | awk '{ sum += $1 } END { print sum + 0 }'
}

# start_dnsperf SERVER OPTION...: asks $scratch/queries; ends by finish_dnsperf. What its sockets have no
# room for, while it gets no CPU, would count as lost.
dropped_before=0
start_dnsperf() {
	dropped_before=$(lab_drops)
	in_background world dnsperf dnsperf -s "$1" -d "$scratch/queries" -t 5 -b 4096 "${@:2}"
	dnsperf=$last_helper
}

# end_dnsperf: of one that asks until it is told to end.
end_dnsperf() {
	! process_is_gone "$dnsperf" || fail "dnsperf ended before the others: $(cat "$scratch/dnsperf.log")"
	kill -INT "$dnsperf"
	finish_dnsperf 30
}

# finish_dnsperf SECONDS: waits for its end.
finish_dnsperf() {
	wait_until "$1" process_is_gone "$dnsperf" || fail "dnsperf does not end"
	wait "$dnsperf" || fail "dnsperf: $(cat "$scratch/dnsperf.log")"
}

# dnsperf_number LABEL: of its summary, as in "Queries lost".
dnsperf_number() {
	sed -nE "s/^ *$1: +([0-9]+).*/\1/p" "$scratch/dnsperf.log" | grep . ||
		fail "dnsperf says no $1: $(cat "$scratch/dnsperf.log")"
}

# expect_none_lost: of the last dnsperf; every answer NOERROR or NXDOMAIN, half of each. What one
# that was told to end did not wait for is not lost, and what the lab dropped never came to millrace.
expect_none_lost() {
	local sent lost dropped interrupted codes difference
	sent=$(dnsperf_number 'Queries sent')
	interrupted=$(sed -nE 's/^ *Queries interrupted: +([0-9]+).*/\1/p' "$scratch/dnsperf.log")
	lost=$((sent - ${interrupted:-0} - $(dnsperf_number 'Queries completed')))
	dropped=$(($(lab_drops) - dropped_before))
	codes=$(sed -n 's/^ *Response codes: *//p' "$scratch/dnsperf.log")
	if [ "$lost" -gt "$dropped" ] || [ "$lost" -lt 0 ] || [ "$sent" = 0 ]; then
		fail "$lost of $sent queries lost, $dropped frames dropped by the lab: $(cat "$scratch/dnsperf.log")"
	fi
	[ "$lost" = 0 ] || note "$lost of $sent queries lost, $dropped frames dropped by the lab"
	[[ $codes =~ ^NOERROR\ ([0-9]+)\ [^,]*,\ NXDOMAIN\ ([0-9]+)\ [^,]*$ ]] ||
		fail "not NOERROR and NXDOMAIN alone: $codes"
	difference=$((BASH_REMATCH[1] - BASH_REMATCH[2]))
	[ "${difference#-}" -le $((1 + lost + ${interrupted:-0})) ] || fail "not half and half: $codes"
}

# ask SERVER DIG-ARGUMENTS...: one question from the world.
ask() {
	in_lab world dig +time=5 +tries=1 +ignore "@$1" "${@:2}"
}

# count_asked ADDRESS: from now on, queries of the forwarder that reach the upstream there.
count_asked() {
	in_lab world nft -f - <<-NFT
		table ip asked {
			counter asked {}
			chain input {
				type filter hook input priority 0; policy accept;
				ip saddr 10.53.0.2 ip daddr $1 udp dport 53 counter name asked
			}
		}
	NFT
}

# asked: so many, in all.
asked() {
	in_lab world nft list counter ip asked asked | sed -nE 's/.*packets ([0-9]+).*/\1/p'
}

asked_before=0
forget_asked() {
	asked_before=$(asked)
}

# expect_asked_between LEAST MOST: since the last call, or forget_asked.
expect_asked_between() {
	local before=$asked_before since
	forget_asked
	since=$((asked_before - before))
	if [ "$since" -lt "$1" ] || [ "$since" -gt "$2" ]; then
		fail "the upstream was asked $since times, not $1 to $2"
	fi
}

# expect_asked COUNT
expect_asked() {
	expect_asked_between "$1" "$1"
}
