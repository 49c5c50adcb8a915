# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the functional tests of TCP and TLS share, on top of lib.sh. To be sourced, not run.

# shellcheck source=tests/functional/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck disable=SC2034
tls_name=dns.example.test

# make_ca NAME: NAME.pem and NAME.key in $scratch.
make_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj "/CN=$1" -keyout "$scratch/$1.key" -out "$scratch/$1.pem" 2>/dev/null
}

# make_certificate NAME CA ALTERNATIVES [DAYS]: likewise, for ALTERNATIVES as openssl has them
# (DNS:name,IP:address), from a CA or, where that is "self", from itself; DAYS of -1: it has ended.
make_certificate() {
	local signer=(-CA "$scratch/$2.pem" -CAkey "$scratch/$2.key")
	[ "$2" != self ] || signer=(-key "$scratch/$1.key")
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
		-addext basicConstraints=critical,CA:FALSE -addext "subjectAltName=$3" \
		-keyout "$scratch/$1.key" -out "$scratch/$1.csr" 2>/dev/null
	openssl x509 -req -in "$scratch/$1.csr" "${signer[@]}" -days "${4:-2}" \
		-copy_extensions copy -out "$scratch/$1.pem" 2>/dev/null
	# Servers give up their rights before they read it.
	chmod 644 "$scratch/$1.key" "$scratch/$1.pem"
}

# make_certificates: a CA and what most tests need: ours (server), a client's and an upstream's.
make_certificates() {
	make_ca ca
	make_certificate server ca "DNS:$tls_name,IP:10.53.0.2,IP:fd53::2"
	make_certificate client ca DNS:client.example.test
	make_certificate upstream ca "DNS:up.example.test,$(printf 'IP:10.53.0.%s,' {11..18})IP:10.53.0.19"
}

tls_answers() {
	in_lab world kdig +tls +timeout=1 +retry=0 "@$1" example.test SOA 2>/dev/null |
		grep 'status: NOERROR' >/dev/null
}

expect_tls_upstream() {
	wait_until 10 tls_answers "$1" || fail "no answer over TLS from $1: $(cat "$scratch/$2.log")"
}

# start_unbound ADDRESS: authority of the zone over TLS (port 853), HTTPS (443), UDP and TCP.
start_unbound() {
	write_zone
	cat >"$scratch/unbound-$1.conf" <<-CONF
		server:
		    interface: $1@853
		    interface: $1@443
		    interface: $1@53
		    tls-port: 853
		    https-port: 443
		    tls-service-key: "$scratch/upstream.key"
		    tls-service-pem: "$scratch/upstream.pem"
		    access-control: 0.0.0.0/0 allow
		    incoming-num-tcp: 200
		    num-threads: 1
		    do-daemonize: no
		    use-syslog: no
		    username: ""
		    chroot: ""
		    directory: "$scratch"
		    pidfile: ""
		    module-config: iterator
		    local-zone: test. nodefault
		auth-zone:
		    name: example.test
		    zonefile: "$scratch/example.test.zone"
		    for-downstream: yes
		    for-upstream: no
		remote-control:
		    control-enable: no
	CONF
	in_background world "unbound-$1" unbound -d -c "$scratch/unbound-$1.conf"
	expect_tls_upstream "$1" "unbound-$1"
}

# start_dnsdist ADDRESS SERVER: TLS at ADDRESS before SERVER; HTTPS, too, but nothing at /dns-query.
start_dnsdist() {
	cat >"$scratch/dnsdist-$1.conf" <<-CONF
		setLocal('127.0.0.1:5399')
		addTLSLocal('$1:853', '$scratch/upstream.pem', '$scratch/upstream.key', { provider='openssl' })
		addDOHLocal('$1:443', '$scratch/upstream.pem', '$scratch/upstream.key', { '/other' })
		setACL('0.0.0.0/0')
		setSecurityPollSuffix('')
		newServer({ address='$2', checkType='SOA', checkName='example.test.' })
	CONF
	in_background world "dnsdist-$1" dnsdist --supervised --disable-syslog \
		-C "$scratch/dnsdist-$1.conf"
	expect_tls_upstream "$1" "dnsdist-$1"
}

# start_kresd ADDRESS SERVER: the same with Knot Resolver.
start_kresd() {
	local folder=$scratch/kresd-$1
	mkdir -p "$folder"
	cat >"$folder/kresd.conf" <<-CONF
		net.listen('$1', 853, { kind = 'tls' })
		net.listen('$1', 443, { kind = 'doh2' })
		net.tls('$scratch/upstream.pem', '$scratch/upstream.key')
		trust_anchors.remove('.')
		modules.load('policy')
		cache.size = 10 * MB
		policy.add(policy.suffix(policy.STUB('$2'), { todname('example.test') }))
	CONF
	in_background world "kresd-$1" kresd --noninteractive -c "$folder/kresd.conf" "$folder"
	expect_tls_upstream "$1" "kresd-$1"
}

stream_upstream_is_ready() {
	grep -qsx ready "$scratch/$1.log"
}

# start_stream_upstream NAME ADDRESS:PORT MODE [CERTIFICATE [CA]]: tests/functional/stream_upstream.py,
# over TLS with a certificate, of clients too with a CA. Its id in stream_upstreams[NAME].
start_stream_upstream() {
	launch_stream_upstream "$@"
	expect_stream_upstream "$1"
}

# Both halves of it, so that many can start at once.
declare -A stream_upstreams=()
launch_stream_upstream() {
	local tls=()
	[ $# -lt 4 ] || tls=("$scratch/$4.pem" "$scratch/$4.key")
	[ $# -lt 5 ] || tls+=("$scratch/$5.pem")
	in_background world "$1" python3 "$source_root/tests/functional/stream_upstream.py" \
		"$2" "$3" "${tls[@]}"
	stream_upstreams[$1]=$last_helper
}

expect_stream_upstream() {
	wait_until 30 stream_upstream_is_ready "$1" || fail "no upstream $1: $(cat "$scratch/$1.log")"
}

upstream_has_said() {
	[ "$(grep -c '^counts ' "$scratch/$1.log")" -gt "$2" ]
}

# read_upstream NAME: its counts, for upstream_count.
read_upstream() {
	local before
	before=$(grep -c '^counts ' "$scratch/$1.log") || true
	kill -USR1 "${stream_upstreams[$1]}"
	wait_until 20 upstream_has_said "$1" "$before" || fail "upstream $1 says nothing"
	sed -n 's/^counts //p' "$scratch/$1.log" | tail -n 1 | tr ' ' '\n' |
		tr '=' ' ' >"$scratch/$1.counts"
}

# upstream_count NAME WHAT: a number of the last read_upstream NAME.
upstream_count() {
	awk -v name="$2" '$1 == name { print $2; found = 1 } END { exit !found }' \
		"$scratch/$1.counts" || fail "upstream $1 counts no $2"
}

expect_upstream_count() {
	local value
	value=$(upstream_count "$1" "$2")
	test "$value" "$3" "$4" ||
		fail "$2 of upstream $1 is $value, not $3 $4: $(tr '\n' ' ' <"$scratch/$1.counts")"
}

# stream_client MODE SERVER PORT [OPTION...]: tests/functional/stream_client.py.
stream_client() {
	in_lab world python3 "$source_root/tests/functional/stream_client.py" "$@"
}

# ask_stream SERVER KDIG-ARGUMENTS...: one question over a stream, to $scratch/answer.
ask_stream() {
	in_lab world kdig +timeout=6 +retry=0 +noidn "@$1" "${@:2}" >"$scratch/answer" 2>&1 || true
}

expect_status() {
	grep "status: $1;" "$scratch/answer" >/dev/null || fail "not $1: $(cat "$scratch/answer")"
}

millrace_says() {
	grep -F -- "$1" "$scratch/millrace.log" >/dev/null
}

# CPU time of millrace's threads but for the workers, which poll: ticks of 10 ms.
stream_cpu_ticks() {
	local thread name ticks=0
	for thread in "/proc/$millrace/task"/*; do
		read -r name <"$thread/comm" 2>/dev/null || continue
		case $name in
		rte-worker-1 | lcore-worker-1) continue ;;
		esac
		ticks=$((ticks + $(awk '{ print $14 + $15 }' <<<"$(sed 's/.*) /x x /' "$thread/stat")")))
	done
	echo "$ticks"
}

resident_kilobytes() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$millrace/status"
}

descriptors() {
	find "/proc/$millrace/fd" -mindepth 1 | wc -l
}
