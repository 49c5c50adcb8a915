// SPDX-License-Identifier: BSD-3-Clause
#include "frame_ring.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <stdio.h>

struct rte_ring *frame_ring_create(const char *name, uint16_t a, uint16_t b, uint32_t size)
{
	char text[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(text, sizeof(text), "%s_%u_%u", name, a, b);
	ring = rte_ring_create_elem(
		text, sizeof(struct net_frame), size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!ring)
		errno = rte_errno;
	return ring;
}

void frame_ring_destroy(struct rte_ring *ring, struct nic *nic)
{
	struct net_frame frame;

	if (!ring)
		return;
	while (frame_ring_pop(ring, &frame, 1))
		nic_frame_free(nic, &frame, 1);
	rte_ring_free(ring);
}
