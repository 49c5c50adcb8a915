# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# TCP and TLS clients of millrace and of dnsdist in the lab, for the subjects tcp and dot. To be
# sourced, not run.
#
# Each forwarder answers 1000 names from its cache, which it filled from Knot DNS, to dnsperf with 100
# connections that stay. Its streams and manager, or all of dnsdist with one thread for clients, have
# one core; dnsperf has the other, with millrace's worker on it, which runs when nobody else would.
# Streams beside the manager sleep when they wait, so that their CPU time is what queries cost.

# These variables are of runs.sh and lib.sh.
# shellcheck disable=SC2154
# shellcheck source=tests/bench/peers/load.sh
. "$source_root/tests/bench/peers/load.sh"
streams_peers=(millrace dnsdist)
streams_folder=
# Process ids, or empty.
streams_forwarder=
streams_upstream=
streams_echo=
streams_handshakes=
streams_in_flight=
streams_clients=100
# Queries on the way at once, of all connections together.
streams_window=1000
# Datagrams a second beside handshakes.
streams_datagrams=5000
streams_seconds=4

need_streams() {
	local name
	for name in dnsdist dnsperf knotd chrt openssl; do
		command -v "$name" >/dev/null || die "$name is not there: run scripts/setup --bench"
	done
}

stop_streams_forwarder() {
	[ -z "$streams_forwarder" ] || stop_processes 8 "$streams_forwarder"
	streams_forwarder=
	remove_dpdk_files "$lab_prefix-streams"
}

close_streams() {
	stop_load
	stop_streams_handshakes
	stop_streams_forwarder
	[ -z "$streams_upstream" ] || stop_processes 5 "$streams_upstream"
	[ -z "$streams_echo" ] || stop_processes 5 "$streams_echo"
	streams_upstream=
	streams_echo=
	[ -z "$streams_folder" ] || "$source_root/scripts/lab" down
	streams_folder=
}

streams_upstream_answers() {
	in_lab world dig +short +tcp +time=1 +tries=1 @10.53.0.11 0.bench.test A 2>/dev/null |
		grep -q . || process_is_gone "$streams_upstream"
}

start_streams_upstream() {
	mkdir -p "$streams_folder/knot"
	cat >"$streams_folder/knot.conf" <<-CONF
		server:
		    rundir: "$streams_folder/knot"
		    listen: [ 10.53.0.11@53 ]
		    udp-workers: 1
		    tcp-workers: 1
		    background-workers: 1
		database:
		    storage: "$streams_folder/knot"
		zone:
		  - domain: bench.test
		    file: "$streams_folder/bench.test.zone"
		    zonefile-sync: -1
		    journal-content: none
	CONF
	printf '%s\n' '@ 86400 SOA ns root 1 3600 900 604800 3600' '@ 86400 NS ns' \
		'ns 86400 A 192.0.2.1' '* 86400 A 192.0.2.2' >"$streams_folder/bench.test.zone"
	ip netns exec "$(lab_namespace world)" taskset -c "${bench_cpus[0]}" \
		knotd -c "$streams_folder/knot.conf" \
		>"$streams_folder/knot.log" 2>&1 </dev/null &
	streams_upstream=$!
	wait_until 10 streams_upstream_answers || true
	! process_is_gone "$streams_upstream" || die "no upstream: $(cat "$streams_folder/knot.log")"
}

open_streams() {
	streams_folder=$bench_folder/streams
	mkdir -p "$streams_folder"
	# Knot DNS and dnsdist may give up being root before they look at their files.
	chmod 755 "$bench_folder" "$streams_folder"
	"$source_root/scripts/lab" up
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj /CN=bench.test -addext subjectAltName=IP:10.53.0.2,DNS:bench.test \
		-keyout "$streams_folder/key.pem" -out "$streams_folder/certificate.pem" 2>/dev/null
	chmod 644 "$streams_folder/key.pem"
	seq 0 999 | sed 's/$/.bench.test A/' >"$streams_folder/queries"
	start_streams_upstream
}

# configure_streams_millrace [ADDRESS]: of the upstream that datagrams go on to.
configure_streams_millrace() {
	cat >"$streams_folder/millrace.conf" <<-END
		. {
			cache
			forward . ${1:-10.53.0.11}
		}
		tls://. {
			tls $streams_folder/certificate.pem $streams_folder/key.pem
			cache
			forward . 10.53.0.11
		}
	END
}

# command_streams_millrace [LCORES]
command_streams_millrace() {
	local memory lcores=${1:-0@${bench_cpus[1]},1@${bench_cpus[0]}}
	bench_memory 256
	# EAL's lists have commas.
	# shellcheck disable=SC2054
	command=("$bench_build/app/millrace" --no-pci "${memory[@]}" --file-prefix "$lab_prefix-streams"
		--lcores "$lcores"
		--vdev net_af_xdp0,iface=eth0,busy_budget=0 --
		--stream-lcores 0 --config "$streams_folder/millrace.conf")
}

command_streams_upstream() {
	command_streams_millrace
}

configure_streams_dnsdist() {
	cat >"$streams_folder/dnsdist.conf" <<-END
		setLocal("10.53.0.2:53")
		addTLSLocal("10.53.0.2:853", "$streams_folder/certificate.pem", "$streams_folder/key.pem")
		setACL({"0.0.0.0/0"})
		setMaxTCPClientThreads(1)
		newServer({address="10.53.0.11:53"}):setUp()
		getPool(""):setCache(newPacketCache(100000))
		setSecurityPollSuffix("")
	END
}

command_streams_dnsdist() {
	command=(taskset -c "${bench_cpus[1]}" dnsdist --supervised --disable-syslog
		-C "$streams_folder/dnsdist.conf")
}

streams_forwarder_is_ready() {
	process_is_gone "$streams_forwarder" && return
	[ "$(in_lab forwarder ss -Hltn | grep -cE ':(53|853) ')" -ge 2 ]
}

# start_streams_forwarder NAME
start_streams_forwarder() {
	local command=() worker
	"configure_streams_$1"
	"command_streams_$1"
	: >"$streams_folder/log"
	ip netns exec "$(lab_namespace forwarder)" "${command[@]}" >"$streams_folder/log" 2>&1 \
		</dev/null &
	streams_forwarder=$!
	wait_until 20 streams_forwarder_is_ready || true
	if process_is_gone "$streams_forwarder" || ! streams_forwarder_is_ready; then
		die "$1 does not start: $(tail -n 20 "$streams_folder/log")"
	fi
	[ "$1" != dnsdist ] && [ "$1" != both ] || return 0
	worker=$(poller "$streams_forwarder")
	chrt -i -p 0 "$worker"
}

# streams_dnsperf MODE OPTION...
streams_dnsperf() {
	local mode=$1
	shift
	in_lab world taskset -c "${bench_cpus[0]}" dnsperf -s 10.53.0.2 -m "$mode" -T 1 \
		-d "$streams_folder/queries" -c "$streams_clients" "$@" 2>&1 </dev/null
}

# streams_cpu_time: nanoseconds that the forwarder had on the measured core.
streams_cpu_time() {
	local task sum=0 spent
	for task in /proc/"$streams_forwarder"/task/*; do
		if [ "$(taskset -pc "${task##*/}" | sed 's/.*: //')" = "${bench_cpus[1]}" ]; then
			read -r spent _ <"$task/schedstat"
			sum=$((sum + spent))
		fi
	done
	echo "$sum"
}

# measure_streams MODE SUBJECT: of dnsperf; leaves SUBJECT_NAME.ROUND.txt.
measure_streams() {
	local mode=$1 subject=$2 round peer file before
	open_streams
	for round in $(seq "$bench_rounds"); do
		for peer in "${streams_peers[@]}"; do
			note "$subject.$round: $peer"
			start_streams_forwarder "$peer"
			file=$bench_results/${subject}_$peer.$round.txt
			# The caches fill.
			streams_dnsperf "$mode" -q 100 -n 3 >"$file" || die "$peer: $(cat "$file")"
			before=$(streams_cpu_time)
			streams_dnsperf "$mode" -q "$streams_window" -l "$streams_seconds" >"$file" ||
				die "$peer: $(cat "$file")"
			echo "CPU nanoseconds: $(($(streams_cpu_time) - before))" >>"$file"
			stop_streams_forwarder
		done
	done
	close_streams
}

# streams_stolen: milliseconds that the hypervisor took from all cores, since they began (proc(5)).
streams_stolen() {
	awk -v ticks="$(getconf CLK_TCK)" '/^cpu / { print int($9 * 1000 / ticks) }' /proc/stat
}

# start_streams_echo LOG CPU HOST ADDRESS PORT: who answers over TLS.
start_streams_echo() {
	ip netns exec "$(lab_namespace "$3")" taskset -c "$2" \
		"$bench_build/tests/bench/stream_echo" "$4" "$5" \
		"$streams_folder/certificate.pem" "$streams_folder/key.pem" \
		>"$1" 2>&1 </dev/null &
	streams_echo=$!
}

configure_streams_upstream() {
	cat >"$streams_folder/millrace.conf" <<-END
		. {
			forward . tls://10.53.0.12%bench.test {
				tls $streams_folder/certificate.pem
				expire 60s
				max_inflight $streams_in_flight
			}
		}
		tls://. {
			tls $streams_folder/certificate.pem $streams_folder/key.pem
			forward . 10.53.0.11
		}
	END
}

# measure_streams_load FILE OPTION...: datagrams.
measure_streams_load() {
	local status=0 file=$1
	shift
	start_load --warm-up 500 --time "$((streams_seconds * 1000))" "$@" --json "$file"
	# Looking meanwhile would take a tenth of a core that is measured.
	sleep "$streams_seconds.5"
	wait_until 20 load_has_measured "$file" || true
	finish_load || status=$?
	[ "$status" = 0 ] || [ "$status" = 2 ] || die "$(tail -n 5 "$bench_folder/load.log")"
}

# measure_streams_upstream SUBJECT: datagrams, each of another name, forwarded over TLS; leaves
# SUBJECT_INFLIGHT.ROUND.json, and beside it CPU time and what the upstream counted. Both ends of TLS
# have one core, so that it is what bounds the rate, and datagrams the other: with 128 of them on their
# way it was not full, and with 256 the lab's wire, which holds as many, lost some.
measure_streams_upstream() {
	local subject=$1 round in_flight file before stolen begun
	open_streams
	route_load
	for round in $(seq "$bench_rounds"); do
		for in_flight in 64 1; do
			note "$subject.$round: max_inflight $in_flight"
			file=$bench_results/${subject}_$in_flight.$round
			start_streams_echo "$file.echo" "${bench_cpus[1]}" world 10.53.0.12 853
			streams_in_flight=$in_flight
			start_streams_forwarder upstream
			before=$(streams_cpu_time)
			stolen=$(streams_stolen)
			begun=$(date +%s%3N)
			measure_streams_load "$file.json" --window 192
			echo "stolen milliseconds: $(($(streams_stolen) - stolen))" \
				"of $(($(date +%s%3N) - begun))" >"$file.txt"
			echo "CPU nanoseconds: $(($(streams_cpu_time) - before))" >>"$file.txt"
			stop_streams_forwarder
			stop_processes 5 "$streams_echo"
			streams_echo=
			cat "$file.echo" >>"$file.txt"
		done
	done
	close_streams
}

# Datagrams and handshakes at once: the worker has its core for itself, all else shares the other.
configure_streams_both() {
	# Where the load in the kernel has its upstream.
	configure_streams_millrace 10.60.0.2
}

command_streams_both() {
	command_streams_millrace "0@${bench_cpus[0]},1@${bench_cpus[1]}"
}

stop_streams_handshakes() {
	[ -z "$streams_handshakes" ] || stop_processes 5 "$streams_handshakes"
	streams_handshakes=
}

# start_streams_handshakes FILE PORT: 500 a second, a query on each, for longer than the load lasts.
start_streams_handshakes() {
	in_lab world taskset -c "${bench_cpus[0]}" "$bench_build/tests/bench/handshakes" \
		10.53.0.2 "$2" 500 $((streams_seconds + 2)) >"$1" 2>&1 </dev/null &
	streams_handshakes=$!
}

# measure_streams_datagrams FILE: that the cache answers, and how long each took. Worker and load go
# before all else on their cores; the worker not at a real-time priority, which is given no more than
# 95 % of the time.
measure_streams_datagrams() {
	renice -n -20 -p "$(poller "$streams_forwarder")" >/dev/null
	measure_streams_load "$1" --real-time --rate "$streams_datagrams" --names 1000
}

# measure_streams_handshakes SUBJECT: how long datagrams take without handshakes, with as many at
# another server on the core of the load, and with them at millrace; leaves
# SUBJECT_WHERE.ROUND.json, and what bench/handshakes counted beside.
measure_streams_handshakes() {
	local subject=$1 round where file port
	open_streams
	route_load
	for round in $(seq "$bench_rounds"); do
		start_streams_forwarder both
		start_streams_echo "$streams_folder/echo.log" "${bench_cpus[0]}" \
			forwarder 10.53.0.2 8853
		for where in nowhere elsewhere here; do
			note "$subject.$round: handshakes $where"
			file=$bench_results/${subject}_$where.$round
			port=$([ "$where" = here ] && echo 853 || echo 8853)
			[ "$where" = nowhere ] || start_streams_handshakes "$file.txt" "$port"
			measure_streams_datagrams "$file.json"
			[ "$where" = nowhere ] || wait "$streams_handshakes" ||
				die "$subject: $(cat "$file.txt")"
			streams_handshakes=
		done
		stop_streams_forwarder
		stop_processes 5 "$streams_echo"
		streams_echo=
	done
	close_streams
}
