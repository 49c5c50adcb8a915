// SPDX-License-Identifier: BSD-3-Clause
#include "nic/nic.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "base/log.h"
#include "nic/nic_private.h"

#define POOL_CACHE 256 // frames that an lcore keeps to itself
#define POOL_SPARE 1024 // frames in hands and caches, beyond those in rings
// The AF_XDP driver hands the kernel this many frames a queue whatever ring size is asked for,
// and never has them back, not even when the port is closed.
#define AF_XDP_FILL_FRAMES 4096

static bool port_keeps_frames(const struct nic_port *port)
{
	return port->driver.filter == NIC_FILTER_XDP;
}

// A zero-copy client of memif does not take back what stands in the rings that it shares.
static bool port_gives_frames_back(const struct nic_port *port)
{
	return !port_keeps_frames(port) && strcmp(port->info.driver, "net_memif") != 0;
}

// As many as can be anywhere at once.
static uint32_t frames_needed(const struct nic *nic, uint32_t held)
{
	uint32_t frames = POOL_SPARE + held;

	for (uint16_t i = 0; i < nic->port_count; i++) {
		const struct nic_port *port = &nic->ports[i];

		frames += (uint32_t)port->info.rx_ring + port->info.tx_ring;
		if (port_keeps_frames(port))
			frames += AF_XDP_FILL_FRAMES;
	}
	return frames;
}

// The AF_XDP driver lays one stretch of memory over the whole pool, and takes every frame for as
// large as the next. In physical addresses there are gaps where pages end.
static int pool_check_memory(const struct nic *nic, uint16_t queue, struct nic_error *error)
{
	if (!nic->keeps_frames || queue >= nic->queues)
		return 0;
	if (rte_eal_iova_mode() != RTE_IOVA_VA) {
		nic_error_set(error, "AF_XDP needs --iova-mode=va");
		return -EINVAL;
	}
	if (nic->pools[queue].pool->nb_mem_chunks > 1) {
		nic_error_set(error, "memory for frames is not in one piece, as AF_XDP needs it: "
				     "give EAL more, or larger pages");
		return -ENOMEM;
	}
	return 0;
}

// DPDK 22.11's AF_XDP driver shows the kernel as much memory as the frames take side by side. Where
// the pool has gaps, at borders of pages, its last frames are outside, and the kernel drops what is
// sent from them without a word. They are taken out for good: some ten, at the most.
static int pool_take_out_last(struct rte_mempool *pool)
{
	uint32_t object = rte_mempool_calc_obj_size(pool->elt_size, pool->flags, NULL);
	const struct rte_mempool_memhdr *memory = STAILQ_FIRST(&pool->mem_list);
	uintptr_t end = (uintptr_t)memory->addr + (uintptr_t)pool->populated_size * object;
	struct rte_mbuf **mbufs;
	uint32_t count = 0;

	if (pool->nb_mem_chunks != 1)
		return 0;
	mbufs = calloc(pool->populated_size, sizeof(*mbufs));
	if (!mbufs)
		return -ENOMEM;
	while (count < pool->populated_size && (mbufs[count] = rte_pktmbuf_alloc(pool)) != NULL)
		count++;
	for (uint32_t i = 0; i < count; i++) {
		if ((uintptr_t)mbufs[i] + pool->elt_size <= end)
			rte_pktmbuf_free(mbufs[i]);
	}
	free(mbufs);
	return 0;
}

static int pool_create(struct nic *nic, uint16_t queue, unsigned int lcore, uint32_t frames,
	struct nic_error *error)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "millrace_frames_%u", queue);
	nic->pools[queue].pool = rte_pktmbuf_pool_create(name, frames, POOL_CACHE, 0,
		RTE_MBUF_DEFAULT_BUF_SIZE, (int)rte_lcore_to_socket_id(lcore));
	if (!nic->pools[queue].pool) {
		nic_error_set(error, "no memory for %u frames of lcore %u: %s", frames, lcore,
			rte_strerror(rte_errno));
		return -rte_errno;
	}
	if (nic->keeps_frames && queue < nic->queues &&
		pool_take_out_last(nic->pools[queue].pool)) {
		nic_error_set(error, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	return pool_check_memory(nic, queue, error);
}

static int pools_create(struct nic *nic, const struct nic_options *options, struct nic_error *error)
{
	uint32_t frames = options->frames ? options->frames : frames_needed(nic, options->held);
	int status = 0;

	nic->pools =
		rte_zmalloc("nic_pools", nic->pool_count * sizeof(*nic->pools), BASE_CACHE_LINE);
	if (!nic->pools) {
		nic_error_set(error, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (uint16_t pool = 0; pool < nic->pool_count && status == 0; pool++)
		status = pool_create(nic, pool, options->lcores[pool], frames, error);
	return status;
}

static int ports_probe(struct nic *nic, const char *folder, struct nic_error *error)
{
	uint16_t dpdk_port;
	int status;

	RTE_ETH_FOREACH_DEV(dpdk_port)
	{
		struct nic_port *port = &nic->ports[nic->port_count];

		if (nic->port_count == NIC_PORTS_MOST) {
			nic_error_set(error, "more than %d ports", NIC_PORTS_MOST);
			return -ENOSPC;
		}
		status = nic_port_probe(port, dpdk_port, nic->queues, folder, error);
		if (status)
			return status;
		port->queues = rte_zmalloc(
			"nic_queues", nic->queues * sizeof(*port->queues), BASE_CACHE_LINE);
		nic->port_count++;
		if (!port->queues) {
			nic_error_set(error, "%s", strerror(ENOMEM));
			return -ENOMEM;
		}
		nic->keeps_frames |= port_keeps_frames(port);
		nic->gives_frames_back &= port_gives_frames_back(port);
	}
	if (nic->port_count)
		return 0;
	nic_error_set(error, "no port: give EAL one, as in --vdev=net_af_xdp0,iface=eth0 or "
			     "-a 0000:01:00.0");
	return -ENODEV;
}

struct nic *nic_open(const struct nic_options *options, struct nic_error *error)
{
	char folder[PATH_MAX];
	struct nic *nic = calloc(1, sizeof(*nic));
	int status;

	if (!nic) {
		nic_error_set(error, "%s", strerror(ENOMEM));
		return NULL;
	}
	nic->queues = options->queues;
	nic->pool_count = (uint16_t)(options->queues + options->other_pools);
	nic->gives_frames_back = true;
	status = nic_drivers_folder(options->drivers_folder, folder, sizeof(folder), error);
	if (status == 0)
		status = ports_probe(nic, folder, error);
	if (status == 0)
		status = pools_create(nic, options, error);
	for (uint16_t i = 0; i < nic->port_count && status == 0; i++)
		status = nic_port_start(&nic->ports[i], nic->pools, error);
	if (status) {
		nic_close(nic);
		errno = -status;
		return NULL;
	}
	return nic;
}

// A frame that never comes back is a bug of ours, or of a driver that is known for it.
static void pool_destroy(const struct nic *nic, uint16_t pool)
{
	uint32_t lost = nic_frames_total(nic, pool) - nic_frames_free(nic, pool);

	if (lost && nic->gives_frames_back)
		log_warning("%u frames of pool %u were not given back", lost, pool);
	rte_mempool_free(nic->pools[pool].pool);
}

void nic_close(struct nic *nic)
{
	if (!nic)
		return;
	for (uint16_t i = 0; i < nic->port_count; i++)
		nic_port_stop(&nic->ports[i]);
	for (uint16_t pool = 0; nic->pools && pool < nic->pool_count; pool++) {
		if (nic->pools[pool].pool)
			pool_destroy(nic, pool);
	}
	for (uint16_t i = 0; i < nic->port_count; i++)
		rte_free(nic->ports[i].queues);
	rte_free(nic->pools);
	free(nic);
}

uint16_t nic_port_count(const struct nic *nic)
{
	return nic->port_count;
}

const struct nic_port_info *nic_port_info(const struct nic *nic, uint16_t port)
{
	return &nic->ports[port].info;
}

const struct nic_queue_counters *nic_queue_counters(
	const struct nic *nic, uint16_t port, uint16_t queue)
{
	return &nic->ports[port].queues[queue].counters;
}

int nic_port_statistics(const struct nic *nic, uint16_t port, struct nic_port_statistics *out)
{
	struct rte_eth_stats statistics;
	int status = rte_eth_stats_get(nic->ports[port].dpdk_port, &statistics);

	if (status)
		return status;
	*out = (struct nic_port_statistics){
		.rx_frames = statistics.ipackets,
		.tx_frames = statistics.opackets,
		.rx_missed = statistics.imissed,
		.rx_errors = statistics.ierrors,
		.rx_no_buffer = statistics.rx_nombuf,
		.tx_errors = statistics.oerrors,
	};
	return 0;
}

int nic_filter_set(struct nic *nic, uint16_t port, const struct nic_filter_rules *rules)
{
	struct nic_filter *filter = &nic->ports[port].filter;

	if (nic->ports[port].flows)
		return nic_flow_apply(nic->ports[port].flows, rules);
	return filter->kind == NIC_FILTER_NONE ? 0 : nic_filter_apply(filter, rules);
}

uint32_t nic_frames_free(const struct nic *nic, uint16_t pool)
{
	return rte_mempool_avail_count(nic->pools[pool].pool);
}

uint32_t nic_frames_total(const struct nic *nic, uint16_t pool)
{
	return nic->pools[pool].pool->populated_size;
}
