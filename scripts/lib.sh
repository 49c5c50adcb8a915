# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the scripts and the functional tests share. To be sourced, not run.

# The root of the source tree.
# shellcheck disable=SC2034
source_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# The name that this lab's namespaces, DPDK files and state carry.
lab_prefix=${MILLRACE_LAB:-millrace}
export MILLRACE_LAB=$lab_prefix

note() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	note "$@"
	exit 1
}

# The comment at the head of the calling script is its help.
print_help() {
	awk 'NR > 2 && !/^#/ { exit } NR > 2 { sub(/^# ?/, ""); print }' "$0"
}

need_root() {
	[ "$(id -u)" = 0 ] || die "must be run as root"
}

# wait_until SECONDS COMMAND...: runs COMMAND until it succeeds, 1 when it never did. It rests for as long
# as the command took, 50 ms to 1 s: who waits takes no CPU from what is waited for.
wait_until() {
	local deadline=$((SECONDS + $1 + 1)) began=${EPOCHREALTIME//[.,]/} took
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		took=$((${EPOCHREALTIME//[.,]/} - began))
		[ "$took" -ge 50000 ] || took=50000
		[ "$took" -lt 999999 ] || took=999999
		read -rt "0.$(printf '%06d' "$took")" <> <(:) || true
		began=${EPOCHREALTIME//[.,]/}
	done
}

# The start time of a process in clock ticks, so that a reused id is not taken for it.
process_start_time() {
	local status
	status=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# The name, field 2, may hold spaces and parentheses.
	awk '{ print $20 }' <<<"${status##*) }"
}

# A negative id is that of a process group. A child that has ended is gone, although a shell that a
# signal interrupted as it waited may not have noticed.
process_is_gone() {
	local status
	kill -0 -- "$1" 2>/dev/null || return 0
	status=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	[[ ${status##*) } == Z* ]]
}

# stop_processes SECONDS PID...: asks them to end, and ends those that did not within SECONDS.
stop_processes() {
	local bound=$1 pid
	shift
	[ $# -gt 0 ] || return 0
	kill -TERM "$@" 2>/dev/null || true
	for pid; do
		wait_until "$bound" process_is_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
	done
	for pid; do
		wait_until 5 process_is_gone "$pid" || note "process $pid does not end"
	done
}

lab_namespace() {
	printf '%s-%s' "$lab_prefix" "$1"
}

# in_lab world|forwarder COMMAND...
in_lab() {
	local side=$1
	shift
	ip netns exec "$(lab_namespace "$side")" "$@"
}

# The files that a DPDK process with this file prefix leaves behind when it is killed.
remove_dpdk_files() {
	rm -f "/dev/hugepages/$1"map_*
	rm -rf "/var/run/dpdk/$1"
}

# usable_cpus COUNT: that many CPUs of this process, a line each, beginning anew when out of them.
# Of several labs at once each begins with another: MILLRACE_LAB_INDEX, from 0.
usable_cpus() {
	python3 -c 'import os, sys
cpus = sorted(os.sched_getaffinity(0))
for index in range(int(sys.argv[1])):
	print(cpus[(index + int(sys.argv[2])) % len(cpus)])' "$1" "${MILLRACE_LAB_INDEX:-0}"
}

# EAL's memory options: hugepages where enough are free, also if each of MILLRACE_LAB_COUNT labs
# takes as many now.
memory_options() {
	local free
	free=$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0)
	if [ "$free" -ge $((256 * ${MILLRACE_LAB_COUNT:-1})) ] &&
		grep -q ' hugetlbfs ' /proc/mounts; then
		echo "-m 512"
	else
		echo "--no-huge -m 512"
	fi
}

# For what is run in the build with sanitizers; others do not read it.
sanitizer_options() {
	export ASAN_OPTIONS=halt_on_error=1:abort_on_error=0:detect_leaks=1:print_stacktrace=1
	export LSAN_OPTIONS=suppressions=$source_root/tests/asan.supp:print_suppressions=0
	export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
}
