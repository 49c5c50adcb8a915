// SPDX-License-Identifier: BSD-3-Clause
// The hot path: frames from mbufs and back.
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/atomic.h"
#include "nic/nic_private.h"

#define SEND_TRIES 4
// What an mbuf says of its memory, and not of the frame in it.
#define MEMORY_FLAGS (RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT)

static inline void counter_add(uint64_t *counter, uint64_t count)
{
	base_store(counter, *counter + count);
}

static inline uint16_t offload_of(uint64_t flags)
{
	uint64_t ip = flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	uint64_t udp = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	uint16_t offload = 0;

	if (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
		offload |= NET_OFFLOAD_RX_IP_GOOD;
	if (udp == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		offload |= NET_OFFLOAD_RX_UDP_GOOD;
	if (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || udp == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		offload |= NET_OFFLOAD_RX_BAD;
	return offload;
}

static inline void frame_from_mbuf(struct net_frame *frame, struct rte_mbuf *mbuf, uint16_t port)
{
	frame->buffer = mbuf;
	frame->data = rte_pktmbuf_mtod(mbuf, uint8_t *);
	frame->length = mbuf->data_len;
	frame->headroom = rte_pktmbuf_headroom(mbuf);
	frame->tailroom = rte_pktmbuf_tailroom(mbuf);
	frame->port = port;
	frame->offload = offload_of(mbuf->ol_flags);
}

// A tag that the device took out of the frame is put back: above, tags stand in frames only.
static inline bool mbuf_is_whole(struct rte_mbuf **mbuf)
{
	if (base_unlikely((*mbuf)->nb_segs != 1))
		return false;
	if (base_unlikely((*mbuf)->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED))
		return rte_vlan_insert(mbuf) == 0;
	return true;
}

uint16_t nic_port_receive(
	struct nic *nic, uint16_t port, uint16_t queue, struct net_frame *frames, uint16_t most)
{
	struct nic_port *from = &nic->ports[port];
	struct nic_queue_counters *counters = &from->queues[queue].counters;
	struct rte_mbuf *mbufs[NIC_BURST];
	uint16_t count, kept = 0;

	if (most > NIC_BURST)
		most = NIC_BURST;
	count = rte_eth_rx_burst(from->dpdk_port, queue, mbufs, most);
	if (count == 0)
		return 0;
	// Headers and question of a DNS frame take two lines.
	for (uint16_t i = 0; i < count; i++) {
		base_prefetch(rte_pktmbuf_mtod(mbufs[i], uint8_t *));
		base_prefetch(rte_pktmbuf_mtod(mbufs[i], uint8_t *) + BASE_CACHE_LINE);
	}
	for (uint16_t i = 0; i < count; i++) {
		if (base_unlikely(!mbuf_is_whole(&mbufs[i]))) {
			rte_pktmbuf_free(mbufs[i]);
			continue;
		}
		frame_from_mbuf(&frames[kept++], mbufs[i], port);
	}
	counter_add(&counters->rx_frames, kept);
	if (base_unlikely(kept < count))
		counter_add(&counters->rx_segmented, count - kept);
	return kept;
}

static inline uint64_t flags_of(const struct net_frame *frame)
{
	uint64_t flags = 0;

	if (!(frame->offload & (NET_OFFLOAD_TX_IPV4 | NET_OFFLOAD_TX_UDP)))
		return 0;
	flags = frame->is_ipv4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	if (frame->offload & NET_OFFLOAD_TX_IPV4 && frame->is_ipv4)
		flags |= RTE_MBUF_F_TX_IP_CKSUM;
	if (frame->offload & NET_OFFLOAD_TX_UDP)
		flags |= RTE_MBUF_F_TX_UDP_CKSUM;
	return flags;
}

static inline struct rte_mbuf *mbuf_from_frame(const struct net_frame *frame)
{
	struct rte_mbuf *mbuf = frame->buffer;
	uint64_t flags = flags_of(frame);

	mbuf->data_off = (uint16_t)(frame->data - (uint8_t *)mbuf->buf_addr);
	mbuf->data_len = frame->length;
	mbuf->pkt_len = frame->length;
	mbuf->ol_flags = (mbuf->ol_flags & MEMORY_FLAGS) | flags;
	// They stand in a line that is touched for nothing else.
	if (flags) {
		mbuf->l2_len = frame->l3_offset;
		mbuf->l3_len = (uint16_t)(frame->l4_offset - frame->l3_offset) & 0x1ff;
	}
	return mbuf;
}

// How many the driver took; one that it can not send as it is, is freed here.
static uint16_t mbufs_send(struct nic_port *port, uint16_t queue, struct rte_mbuf **mbufs,
	uint16_t count, uint16_t *taken)
{
	uint16_t ready = count, sent;

	if (port->tx_offload)
		ready = rte_eth_tx_prepare(port->dpdk_port, queue, mbufs, count);
	sent = ready ? rte_eth_tx_burst(port->dpdk_port, queue, mbufs, ready) : 0;
	*taken += sent;
	if (base_unlikely(ready < count && sent == ready)) {
		rte_pktmbuf_free(mbufs[ready]);
		return ready + 1;
	}
	return sent;
}

struct nic_ready_frame *nic_frame_make_ready(const struct net_frame *frame)
{
	return (struct nic_ready_frame *)mbuf_from_frame(frame);
}

uint16_t nic_port_send_ready(struct nic *nic, uint16_t port, uint16_t queue,
	struct nic_ready_frame **frames, uint16_t count)
{
	struct nic_port *to = &nic->ports[port];
	struct nic_queue_counters *counters = &to->queues[queue].counters;
	struct rte_mbuf **mbufs = (struct rte_mbuf **)frames;
	uint16_t done = 0, taken = 0;

	for (int tries = 0; done < count && tries < SEND_TRIES; tries++)
		done += mbufs_send(to, queue, mbufs + done, count - done, &taken);
	counter_add(&counters->tx_frames, taken);
	if (base_unlikely(taken < count)) {
		counter_add(&counters->tx_dropped, count - taken);
		if (done < count)
			rte_pktmbuf_free_bulk(mbufs + done, count - done);
	}
	return taken;
}

uint16_t nic_port_send(
	struct nic *nic, uint16_t port, uint16_t queue, struct net_frame *frames, uint16_t count)
{
	struct nic_ready_frame *ready[NIC_BURST];

	for (uint16_t i = 0; i < count; i++)
		ready[i] = nic_frame_make_ready(&frames[i]);
	return nic_port_send_ready(nic, port, queue, ready, count);
}

uint16_t nic_frame_alloc(struct nic *nic, uint16_t pool, struct net_frame *frames, uint16_t count)
{
	struct rte_mbuf *mbufs[NIC_BURST];

	if (base_unlikely(rte_pktmbuf_alloc_bulk(nic->pools[pool].pool, mbufs, count)))
		return 0;
	for (uint16_t i = 0; i < count; i++) {
		frame_from_mbuf(&frames[i], mbufs[i], 0);
		frames[i].length = NET_HEADERS_MOST;
		frames[i].tailroom -= NET_HEADERS_MOST;
		frames[i].payload_offset = NET_HEADERS_MOST;
		net_frame_payload_rewritten(&frames[i], 0);
		frames[i].l3_offset = 0;
		frames[i].l4_offset = 0;
	}
	return count;
}

void nic_frame_free(struct nic *nic, struct net_frame *frames, uint16_t count)
{
	(void)nic;
	for (uint16_t i = 0; i < count; i++)
		rte_pktmbuf_free(frames[i].buffer);
}

void nic_frame_prefetch(const struct net_frame *frame)
{
	const struct rte_mbuf *mbuf = frame->buffer;
	const uint8_t *payload = frame->data + frame->payload_offset;

	base_prefetch(payload);
	base_prefetch(payload + frame->payload_length);
	base_prefetch(mbuf);
	base_prefetch(&mbuf->next);
}
