// SPDX-License-Identifier: BSD-3-Clause
// One stream lcore: TCP and TLS, to clients and to upstreams. It forwards what its clients ask as a
// worker does, and asks over its connections what workers want asked. It has no NIC queue: UDP of its
// own leaves by a worker, and comes back from whichever worker gets it. Idle, it sleeps.
//
// Made and ended by the management lcore, after the workers; between, everything is the stream
// lcore's own but for what says otherwise.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "forward/forward.h"
#include "nic/nic.h"
#include "stream/clients.h"
#include "stream/loop.h"
#include "stream/upstreams.h"
#include "worker.h"

struct stream_lcore;

// What got lost on the way to or from workers. Written by the stream lcore.
struct stream_lcore_counters {
	uint64_t replies_dropped; // to attempts of workers, whose ring was full
	uint64_t sends_dropped; // datagrams of our own: no frame, or a full ring
	uint64_t hops_dropped; // replies to those: no frame
};

struct stream_lcore_options {
	const struct config *config; // only read within stream_lcore_create()
	struct nic *nic; // pool `worker_count + index` is this lcore's
	struct forward_shared *shared;
	struct proxy_set *set;
	struct worker *const *workers; // with their links to this lcore
	struct stream_loop *loop;
	uint16_t index; // among the stream lcores
	unsigned int lcore_id; // DPDK's
	// False: no EAL lcore is left for it, and it is a thread on the CPUs that EAL leaves free, or
	// on the main lcore's.
	bool is_set_aside;
	uint32_t queries;
	const uint8_t *ticket_secret; // TLS_SECRET_BYTES, the same for all stream lcores
	const uint32_t *phase; // enum worker_phase
};

// What a stream lcore goes over to with the next set: TLS of upstreams and of listeners.
struct stream_lcore_update;

// For `set`, which comes next. Management lcore. NULL with `error` filled in.
struct stream_lcore_update *stream_lcore_update_create(const struct config *config,
	const struct proxy_set *set, const uint8_t ticket_secret[TLS_SECRET_BYTES],
	struct config_error *error);
// One that no lcore has.
void stream_lcore_update_destroy(struct stream_lcore_update *update, const struct proxy_set *set);
// Before each set is published: the lcore takes it when it follows. NULL: TLS stays as it is.
void stream_lcore_give_update(struct stream_lcore *lcore, struct stream_lcore_update *update);

// Of the set that is followed.
uint64_t stream_lcore_generation(const struct stream_lcore *lcore);
bool stream_lcore_upstream_is_drained(const struct stream_lcore *lcore, uint16_t upstream);

// Frames of its pool that can wait for so many workers, and for work.
uint32_t stream_lcore_frames_held(uint16_t worker_count);

// NULL with errno.
struct stream_lcore *stream_lcore_create(const struct stream_lcore_options *options);
void stream_lcore_destroy(struct stream_lcore *lcore);

// 0 or -errno.
int stream_lcore_launch(struct stream_lcore *lcore);
// After the phase says that it ends.
void stream_lcore_wait(struct stream_lcore *lcore);
// The phase or the snapshot has changed. Any lcore.
void stream_lcore_wake(struct stream_lcore *lcore);

// Of TCP and TLS, for the sweep and for telemetry.
struct proxy_pools *stream_lcore_pools(struct stream_lcore *lcore);
const struct stream_lcore_counters *stream_lcore_counters(const struct stream_lcore *lcore);
struct forward_lcore *stream_lcore_forward(struct stream_lcore *lcore);
const struct proxy_stream_counts *stream_lcore_asked(
	const struct stream_lcore *lcore, uint16_t upstream);
const struct stream_upstream_counts *stream_lcore_sockets(
	const struct stream_lcore *lcore, uint16_t upstream);
const struct stream_clients_counters *stream_lcore_clients(const struct stream_lcore *lcore);
