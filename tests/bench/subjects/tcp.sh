# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# millrace beside dnsdist with 100 TCP connections of dnsperf, answers from the
# cache, one core each (scripts/setup --bench)

# shellcheck source=tests/bench/streams.sh disable=SC2154
. "$source_root/tests/bench/streams.sh"

need_tcp() {
	need_streams
}

close_tcp() {
	close_streams
}

measure_tcp() {
	measure_streams tcp tcp
}
