# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# How each forwarder is configured and started in the lab: it listens on 10.53.0.2 and asks
# 10.60.0.2, validates nothing, and has one worker. It keeps nothing where it can be told so, or
# with peers_cache set it has its cache, with room for all that is asked. To be sourced, not run.
#
# A forwarder is three functions: configure_NAME writes $peers_folder/NAME.conf, command_NAME sets
# `command`, which runs it, version_NAME prints its version as the first number with a dot. What is not said here is each one's default.

# The variables are of the subject, and EAL's lists have commas.
# shellcheck disable=SC2034,SC2054,SC2154

# with_cache LINE: it, where the forwarder is to have its cache; without_cache, where it is not.
with_cache() {
	[ -z "$peers_cache" ] || printf '%s\n' "$1"
}

without_cache() {
	[ -n "$peers_cache" ] || printf '%s\n' "$1"
}

configure_millrace() {
	cat >"$peers_folder/millrace.conf" <<-END
		. {
			$(with_cache cache)
			forward . 10.60.0.2 {
				max_age 0s
			}
		}
	END
}

# The manager is on the load's core, as what is there does not count.
command_millrace() {
	local memory
	bench_memory 256
	command=("$bench_build/app/millrace" --lcores "0@${bench_cpus[0]},1@${bench_cpus[1]}" --no-pci \
		"${memory[@]}" --file-prefix "$lab_prefix-peers" \
		--vdev net_af_xdp0,iface=eth0,busy_budget=0 -- --config "$peers_folder/millrace.conf")
}

version_millrace() {
	"$bench_build/app/millrace" -- --version
}

# Several datagrams a system call.
configure_dnsdist() {
	cat >"$peers_folder/dnsdist.conf" <<-END
		setLocal("10.53.0.2:53")
		setACL({"0.0.0.0/0"})
		newServer({address="10.60.0.2:53"}):setUp()
		setSecurityPollSuffix("")
		setUDPMultipleMessagesVectorSize(64)
		setUDPSocketBufferSizes(4194304, 4194304)
		$(with_cache 'getPool(""):setCache(newPacketCache(100000))')
	END
}

command_dnsdist() {
	command=(dnsdist --supervised --disable-syslog -C "$peers_folder/dnsdist.conf")
}

version_dnsdist() {
	dnsdist --version
}

configure_unbound() {
	cat >"$peers_folder/unbound.conf" <<-END
		server:
			interface: 10.53.0.2
			access-control: 0.0.0.0/0 allow
			num-threads: 1
			username: ""
			chroot: ""
			directory: "$peers_folder"
			pidfile: ""
			use-syslog: no
			do-daemonize: no
			module-config: "iterator"
			do-ip6: no
			so-rcvbuf: 4m
			so-sndbuf: 4m
			outgoing-range: 8192
			num-queries-per-thread: 4096
			msg-cache-size: $([ -z "$peers_cache" ] && echo 1m || echo 32m)
			rrset-cache-size: $([ -z "$peers_cache" ] && echo 1m || echo 64m)
			local-zone: "test." nodefault
		remote-control:
			control-enable: no
		forward-zone:
			name: "."
			forward-addr: 10.60.0.2
			$(without_cache 'forward-no-cache: yes')
	END
}

command_unbound() {
	command=(unbound -d -c "$peers_folder/unbound.conf")
}

version_unbound() {
	unbound -V
}

configure_knot_resolver() {
	cat >"$peers_folder/knot_resolver.conf" <<-END
		net.listen('10.53.0.2', 53, { kind = 'dns' })
		net.ipv6 = false
		for _, name in ipairs({'ta_update', 'ta_signal_query', 'ta_sentinel', 'priming',
			'detect_time_skew', 'detect_time_jump', 'validate'}) do
			modules.unload(name)
		end
		$(without_cache "modules.unload('cache')")
		$(with_cache 'cache.size = 64 * MB')
		trust_anchors.remove('.')
		policy.add(policy.all(policy.STUB('10.60.0.2')))
	END
	rm -rf "$peers_folder/knot_resolver"
	mkdir "$peers_folder/knot_resolver"
}

command_knot_resolver() {
	command=(kresd -n -c "$peers_folder/knot_resolver.conf" "$peers_folder/knot_resolver")
}

version_knot_resolver() {
	kresd -V
}

configure_bind() {
	mkdir -p "$peers_folder/bind"
	cat >"$peers_folder/bind.conf" <<-END
		options {
			directory "$peers_folder/bind";
			pid-file none;
			session-keyfile none;
			lock-file none;
			listen-on port 53 { 10.53.0.2; };
			listen-on-v6 { none; };
			allow-query { any; };
			allow-recursion { any; };
			forward only;
			forwarders { 10.60.0.2; };
			dnssec-validation no;
			max-cache-size $([ -z "$peers_cache" ] && echo 16m || echo 96m);
			recursive-clients 10000;
			minimal-responses yes;
		};
		controls { };
		server 10.60.0.2 { send-cookie no; };
	END
}

command_bind() {
	command=(named -g -n 1 -U 1 -c "$peers_folder/bind.conf")
}

version_bind() {
	named -v
}
