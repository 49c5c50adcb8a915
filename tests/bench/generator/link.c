// SPDX-License-Identifier: BSD-3-Clause
#include "link.h"

#include <rte_errno.h>
#include <string.h>

#include "base/log.h"

#define RING_FRAMES 1024
#define POOL_CACHE 512
// Beside those held: backlogs, bursts, caches.
#define POOL_SPARE (LINK_QUEUES_MOST * LINK_BACKLOG + 4 * LINK_BURST + 2 * POOL_CACHE)

static int set_up_queues(struct link *link)
{
	struct rte_eth_conf configuration = {0};
	int socket = rte_eth_dev_socket_id(link->port);
	uint16_t rx_ring = RING_FRAMES, tx_ring = RING_FRAMES;
	int status = rte_eth_dev_configure(
		link->port, link->queue_count, link->queue_count, &configuration);

	if (status == 0)
		status = rte_eth_dev_adjust_nb_rx_tx_desc(link->port, &rx_ring, &tx_ring);
	for (uint16_t i = 0; i < link->queue_count && status == 0; i++) {
		status = rte_eth_rx_queue_setup(
			link->port, i, rx_ring, (unsigned int)socket, NULL, link->pool);
		if (status == 0)
			status = rte_eth_tx_queue_setup(
				link->port, i, tx_ring, (unsigned int)socket, NULL);
	}
	return status ? status : rte_eth_dev_start(link->port);
}

int link_open(struct link *link, const struct options *options, uint32_t frames)
{
	int status;

	memset(link, 0, sizeof(*link));
	link->queue_count = (uint16_t)options->queues;
	link->port = (uint16_t)rte_eth_find_next(0);
	if (link->port == RTE_MAX_ETHPORTS) {
		log_error("no port: give EAL one, as in --vdev=net_memif0,role=server,socket=FILE");
		return -ENODEV;
	}
	link->pool = rte_pktmbuf_pool_create("generator", frames + POOL_SPARE, POOL_CACHE, 0,
		RTE_PKTMBUF_HEADROOM + LINK_FRAME_BYTES, SOCKET_ID_ANY);
	if (!link->pool) {
		log_error("no memory for %u frames: %s", frames, rte_strerror(rte_errno));
		return -rte_errno;
	}
	toeplitz_init(&link->toeplitz, options->rss_key);
	status = set_up_queues(link);
	if (status)
		log_error("port %u does not start: %s", link->port, strerror(-status));
	else
		log_info("port %u is open", link->port);
	return status;
}

void link_close(struct link *link)
{
	for (uint16_t i = 0; i < link->queue_count; i++)
		rte_pktmbuf_free_bulk(link->queues[i].frames, link->queues[i].count);
	if (link->port == RTE_MAX_ETHPORTS || !link->pool)
		return;
	if (rte_eth_dev_stop(link->port) || rte_eth_dev_close(link->port))
		log_warning("port %u does not stop", link->port);
	rte_mempool_free(link->pool);
}

uint16_t link_receive(struct link *link, struct rte_mbuf **frames)
{
	uint16_t queue = link->next_receive;
	uint16_t count = rte_eth_rx_burst(link->port, queue, frames, LINK_BURST);

	link->next_receive = queue + 1 == link->queue_count ? 0 : queue + 1;
	link->received += count;
	return count;
}

void link_flush(struct link *link)
{
	for (uint16_t i = 0; i < link->queue_count; i++) {
		struct link_queue *queue = &link->queues[i];
		uint16_t sent;

		if (!queue->count)
			continue;
		sent = rte_eth_tx_burst(link->port, i, queue->frames, queue->count);
		link->sent += sent;
		queue->count -= sent;
		if (!queue->count)
			continue;
		link->held_back++;
		memmove(queue->frames, queue->frames + sent, queue->count * sizeof(*queue->frames));
	}
}
