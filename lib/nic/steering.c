// SPDX-License-Identifier: BSD-3-Clause
#include "nic/steering.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_thash.h>

#include "base/bytes.h"
#include "nic/flow.h"
#include "nic/nic_private.h"

#define IPV4_TUPLE_WORDS 3 // addresses, then both ports in one
#define IPV6_TUPLE_WORDS 9

// Toeplitz over the addresses and ports in the order in which they stand in a datagram.
static uint32_t tuple_hash(const struct net_steering *steering, const struct net_address *source,
	const struct net_address *destination, bool is_ipv4, uint32_t ports)
{
	uint32_t words[IPV6_TUPLE_WORDS];
	uint32_t count = 0;

	if (is_ipv4) {
		words[count++] = bytes_load_u32(net_address_ipv4(source));
		words[count++] = bytes_load_u32(net_address_ipv4(destination));
	} else {
		for (size_t i = 0; i < sizeof(source->bytes); i += 4)
			words[count++] = bytes_load_u32(source->bytes + i);
		for (size_t i = 0; i < sizeof(destination->bytes); i += 4)
			words[count++] = bytes_load_u32(destination->bytes + i);
	}
	words[count++] = ports;
	return rte_softrss(words, count, steering->key);
}

uint32_t nic_steering_reply_hash(const struct net_steering *steering,
	const struct net_endpoint *source, const struct net_address *destination)
{
	return tuple_hash(steering, &source->address, destination,
		net_address_is_ipv4(&source->address), (uint32_t)source->port << 16);
}

// A hash of nothing but one byte is what that byte adds to any other.
static void bytes_fill(
	const struct net_steering *steering, bool is_ipv4, struct net_steering_bytes *bytes)
{
	static const struct net_address none;

	for (uint32_t byte = 0; byte < 256; byte++) {
		bytes->high[byte] = tuple_hash(steering, &none, &none, is_ipv4, byte << 8);
		bytes->low[byte] = tuple_hash(steering, &none, &none, is_ipv4, byte);
	}
}

static void steering_finish(struct net_steering *steering)
{
	bytes_fill(steering, true, &steering->ipv4);
	bytes_fill(steering, false, &steering->ipv6);
}

static int table_read(uint16_t dpdk_port, uint16_t size, struct net_steering *steering)
{
	struct rte_eth_rss_reta_entry64 groups[NET_STEERING_TABLE_MOST / RTE_ETH_RETA_GROUP_SIZE];
	int status;

	if (!size || size & (size - 1) || size > NET_STEERING_TABLE_MOST)
		return -ENOTSUP;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(groups); i++)
		groups[i].mask = UINT64_MAX;
	status = rte_eth_dev_rss_reta_query(dpdk_port, groups, size);
	if (status)
		return -ENOTSUP;
	for (uint16_t i = 0; i < size; i++)
		steering->queues[i] =
			groups[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	steering->table_mask = (uint16_t)(size - 1);
	return 0;
}

static int device_hash_read(uint16_t dpdk_port, struct net_steering *steering)
{
	struct rte_eth_rss_conf hash = {
		.rss_key = steering->key,
		.rss_key_len = sizeof(steering->key),
	};
	struct rte_eth_dev_info device;

	if (rte_eth_dev_info_get(dpdk_port, &device) ||
		device.hash_key_size > sizeof(steering->key) ||
		rte_eth_dev_rss_hash_conf_get(dpdk_port, &hash))
		return -ENOTSUP;
	if (!(hash.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_UDP) ||
		!(hash.rss_hf & RTE_ETH_RSS_NONFRAG_IPV6_UDP))
		return -ENOTSUP;
	return table_read(dpdk_port, device.reta_size, steering);
}

static void file_hash_read(const struct nic_port *port, struct net_steering *steering)
{
	memcpy(steering->key, port->driver.rss_key, sizeof(steering->key));
	steering->table_mask = NET_STEERING_TABLE_MOST - 1;
	for (uint16_t i = 0; i < NET_STEERING_TABLE_MOST; i++)
		steering->queues[i] = i % port->info.queues;
}

int nic_steering_read_hash(const struct nic *nic, uint16_t port, struct net_steering *steering)
{
	const struct nic_port *from = &nic->ports[port];
	int status = 0;

	memset(steering, 0, sizeof(*steering));
	if (from->driver.has_rss_key)
		file_hash_read(from, steering);
	else
		status = device_hash_read(from->dpdk_port, steering);
	if (status == 0)
		steering_finish(steering);
	return status;
}

// A rule for the ports of one prefix, for one IP version.
static int rule_install(uint16_t dpdk_port, enum rte_flow_item_type version,
	const struct nic_port_prefix *ports, uint16_t queue)
{
	struct rte_flow_attr attributes = {.ingress = 1};
	struct rte_flow_item_udp wanted = {.hdr.dst_port = rte_cpu_to_be_16(ports->value)};
	struct rte_flow_item_udp bits = {.hdr.dst_port = rte_cpu_to_be_16(ports->mask)};
	struct rte_flow_item pattern[] = {
		{.type = RTE_FLOW_ITEM_TYPE_ETH},
		{.type = version},
		{.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &wanted, .mask = &bits},
		{.type = RTE_FLOW_ITEM_TYPE_END},
	};
	struct rte_flow_action_queue to = {.index = queue};
	struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &to},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_error error;

	// It is destroyed with all others by rte_flow_flush.
	return rte_flow_create(dpdk_port, &attributes, pattern, actions, &error) ? 0 : -ENOTSUP;
}

static int range_install(uint16_t dpdk_port, const struct nic_port_range *range)
{
	struct nic_port_prefix prefixes[NIC_PORT_PREFIXES_MOST];
	unsigned int count = nic_port_range_split(range->first, range->last, prefixes);

	for (unsigned int i = 0; i < count; i++) {
		if (rule_install(dpdk_port, RTE_FLOW_ITEM_TYPE_IPV4, &prefixes[i], range->queue) ||
			rule_install(
				dpdk_port, RTE_FLOW_ITEM_TYPE_IPV6, &prefixes[i], range->queue))
			return -ENOTSUP;
	}
	return 0;
}

int nic_steering_install_rules(
	struct nic *nic, uint16_t port, const struct nic_port_range *ranges, size_t count)
{
	uint16_t dpdk_port = nic->ports[port].dpdk_port;
	struct rte_flow_error error;

	// The rules of an isolated port say which frames are ours at all, and spread them by hash.
	if (nic->ports[port].flows)
		return -ENOTSUP;
	for (size_t i = 0; i < count; i++) {
		int status = range_install(dpdk_port, &ranges[i]);

		if (status) {
			(void)rte_flow_flush(dpdk_port, &error);
			return status;
		}
	}
	return 0;
}
