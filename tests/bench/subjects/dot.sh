# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# millrace beside dnsdist with 100 TLS connections of dnsperf, answers from the
# cache, one core each; datagrams forwarded over TLS, 64 and 1 in flight a connection; and
# datagrams while 500 handshakes a second arrive (scripts/setup --bench)

# shellcheck source=tests/bench/streams.sh disable=SC2154
. "$source_root/tests/bench/streams.sh"

need_dot() {
	need_streams
}

close_dot() {
	close_streams
}

measure_dot() {
	measure_streams dot dot
	measure_streams_upstream dot_upstream
	measure_streams_handshakes dot_handshakes
}
