# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# millrace-veth-load in the lab: clients and an upstream in the kernel, for subjects. To be sourced,
# not run.

# These variables are of runs.sh and lib.sh.
# shellcheck disable=SC2154
# A process id, or empty.
veth_load=

# Behind 10.53.0.254 are the clients and the upstream. A kernel that receives by NAPI takes what
# comes in batches, as from a NIC; the lab switches that off.
route_load() {
	local forwarder
	forwarder=$(lab_namespace forwarder)
	ip netns exec "$forwarder" ethtool -K eth0 gro on >/dev/null
	printf '%s\n' 'neigh replace 10.53.0.254 lladdr 02:00:00:00:53:01 dev eth0 nud permanent' \
		'route add 10.60.0.0/15 via 10.53.0.254' | ip -n "$forwarder" -batch -
	ip -n "$(lab_namespace world)" route add 10.60.0.0/15 via 10.53.0.2
}

# start_load OPTION...: millrace-veth-load. The forwarder would keep it from running on its core.
start_load() {
	: >"$bench_folder/load.log"
	ip netns exec "$(lab_namespace world)" taskset -c "${bench_cpus[0]}" \
		"$bench_build/tests/bench/veth_load/millrace-veth-load" \
		--forwarder 10.53.0.2 --forwarder-mac 02:00:00:00:53:02 \
		--cpu "${bench_cpus[0]}" --forwarder-cpu "${bench_cpus[1]}" "$@" \
		>"$bench_folder/load.log" 2>&1 </dev/null &
	veth_load=$!
}

load_is_ready() {
	grep -qx 'millrace: ready' "$bench_folder/load.log" || process_is_gone "$veth_load"
}

load_has_measured() {
	[ -e "$1" ] || process_is_gone "$veth_load"
}

# Its exit status: 2 when something was lost or wrong, which stands in the result.
finish_load() {
	local status=0
	wait "$veth_load" || status=$?
	veth_load=
	return "$status"
}

stop_load() {
	[ -z "$veth_load" ] || stop_processes 6 "$veth_load"
	veth_load=
}
