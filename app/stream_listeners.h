// SPDX-License-Identifier: BSD-3-Clause
// The listeners of one stream lcore follow what the snapshot serves. Its own.
#pragma once

#include <stdint.h>

#include "forward/snapshot.h"
#include "stream/clients.h"
#include "stream_tls.h"

struct stream_listener {
	struct net_endpoint endpoint;
	struct tls_context *tls; // NULL: TCP
	int number; // of stream_clients_listen(), or -errno: to be tried again
};

struct stream_listeners {
	struct stream_listener *listeners;
	size_t count;
	size_t room;
	const struct forward_snapshot *followed; // may be gone: only to be compared
	uint64_t next_look;
};

// Listens where the snapshot says, and nowhere else; what fails is said in the log, once, and tried
// again each second.
void stream_listeners_follow(struct stream_listeners *listeners, struct stream_clients *clients,
	const struct stream_tls *tls, const struct forward_snapshot *snapshot, uint64_t now);

// Connections that come from now on are shown the certificates of `tls`, which comes after `old`.
void stream_listeners_use_tls(struct stream_listeners *listeners, struct stream_clients *clients,
	const struct stream_tls *tls, const struct stream_tls *old);
void stream_listeners_fini(struct stream_listeners *listeners);
