// SPDX-License-Identifier: BSD-3-Clause
// Endpoints as the kernel's sockets have them, and back. IPv4 endpoints are AF_INET's.
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "net/address.h"

// Returns the length of what was filled in.
socklen_t stream_address_from_endpoint(
	const struct net_endpoint *endpoint, struct sockaddr_storage *address);
// AF_INET or AF_INET6.
void stream_address_to_endpoint(
	const struct sockaddr_storage *address, struct net_endpoint *endpoint);
// 0.0.0.0 or ::
bool stream_address_is_any(const struct net_address *address);
