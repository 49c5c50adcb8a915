// SPDX-License-Identifier: BSD-3-Clause
// All that one run of millrace is made of. Everything here is the management lcore's; what the
// workers see of it says so.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cache_control.h"
#include "cache_files.h"
#include "config/config.h"
#include "forward/forward.h"
#include "kernel/tables.h"
#include "kernel/tap.h"
#include "nic/nic.h"
#include "options.h"
#include "reload.h"
#include "stream_lcore.h"
#include "worker.h"

struct app {
	struct options options;
	struct config *config;
	struct nic *nic;
	struct proxy_set *set; // which every lcore follows
	struct forward_shared shared; // read by workers
	struct reload reload;
	uint8_t ticket_secret[TLS_SECRET_BYTES]; // of all stream lcores
	struct cache_control *cache_control; // NULL without caches; telemetry posts to it
	struct cache_files *cache_files; // NULL without --cache-folder
	struct worker **workers;
	uint16_t worker_count;
	struct stream_lcore **streams;
	struct stream_loop **loops; // of the stream lcores
	uint16_t stream_count;
	uint16_t streams_set_aside; // EAL lcores for them; 0: one shares the manager's CPU
	struct forward_lcore **lcores; // of the workers, then of the stream lcores
	uint16_t lcore_count;
	uint32_t phase; // enum worker_phase, read by workers and stream lcores

	struct kernel_tables *tables;
	struct kernel_tap *taps[NIC_PORTS_MOST]; // NULL for a port without
	enum nic_steering steering[NIC_PORTS_MOST]; // chosen
	uint64_t tap_dropped; // frames to or from the kernel; read by telemetry

	struct net_address *local; // of all ports
	size_t local_count;
	void **retired; // memory that workers may still read: freed after a grace period
	size_t retired_count;

	struct proxy_health *health; // of the upstreams
	struct proxy_health_link **health_links; // of `lcores`
	struct proxy_pools **pools; // of UDP of all lcores, then of TCP and TLS of stream lcores
	uint16_t pool_count;
	uint16_t *swept; // scratch of the sweep
	int events; // epoll
	int signals;
	struct watch *watch; // prometheus, health and ready
	struct control *control; // millracectl
	struct query_log *query_log; // log and errors
	struct names *names; // of hosts in TO
};
