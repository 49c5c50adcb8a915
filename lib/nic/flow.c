// SPDX-License-Identifier: BSD-3-Clause
#include "nic/flow.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "base/log.h"

// A rule in our words. A served endpoint has no remote one: all zero, any source.
struct flow_key {
	struct net_address local;
	struct nic_port_prefix local_ports;
	struct net_endpoint remote;
};

struct flow_entry {
	struct flow_key key;
	struct rte_flow *flow;
};

struct nic_flow_table {
	uint16_t dpdk_port;
	uint16_t queues;
	struct flow_entry *entries;
	size_t count;
	size_t room;
};

unsigned int nic_port_range_split(
	uint16_t first, uint16_t last, struct nic_port_prefix prefixes[NIC_PORT_PREFIXES_MOST])
{
	unsigned int count = 0;
	uint32_t at = first, end = (uint32_t)last + 1;

	while (at < end) {
		uint32_t size = at ? at & -at : 0x10000;

		while (size > end - at)
			size /= 2;
		prefixes[count++] = (struct nic_port_prefix){
			.value = (uint16_t)at,
			.mask = (uint16_t) ~(size - 1),
		};
		at += size;
	}
	return count;
}

int nic_flow_isolate(uint16_t dpdk_port)
{
	struct rte_flow_error error;

	return rte_flow_isolate(dpdk_port, 1, &error);
}

struct nic_flow_table *nic_flow_create(uint16_t dpdk_port, uint16_t queues)
{
	struct nic_flow_table *table = calloc(1, sizeof(*table));

	if (table) {
		table->dpdk_port = dpdk_port;
		table->queues = queues;
	}
	return table;
}

static void entry_remove(struct nic_flow_table *table, size_t index)
{
	struct rte_flow_error error;
	int status = rte_flow_destroy(table->dpdk_port, table->entries[index].flow, &error);

	if (status)
		log_warning("port %u: a flow rule stays: %s", table->dpdk_port, strerror(-status));
	table->entries[index] = table->entries[--table->count];
}

void nic_flow_destroy(struct nic_flow_table *table)
{
	if (!table)
		return;
	while (table->count > 0)
		entry_remove(table, table->count - 1);
	free(table->entries);
	free(table);
}

static bool key_equal(const struct flow_key *a, const struct flow_key *b)
{
	return net_address_equal(&a->local, &b->local) &&
	       a->local_ports.value == b->local_ports.value &&
	       a->local_ports.mask == b->local_ports.mask &&
	       net_endpoint_equal(&a->remote, &b->remote);
}

static bool keys_have(const struct flow_key *keys, size_t count, const struct flow_key *key)
{
	for (size_t i = 0; i < count; i++) {
		if (key_equal(&keys[i], key))
			return true;
	}
	return false;
}

static bool table_has(const struct nic_flow_table *table, const struct flow_key *key)
{
	for (size_t i = 0; i < table->count; i++) {
		if (key_equal(&table->entries[i].key, key))
			return true;
	}
	return false;
}

// To one queue, or spread over all by the hash that the port uses anyway.
static struct rte_flow *flow_insert(
	const struct nic_flow_table *table, const struct rte_flow_item *pattern, bool is_ipv4)
{
	uint16_t queues[RTE_MAX_QUEUES_PER_PORT];
	struct rte_flow_attr attributes = {.ingress = 1};
	struct rte_flow_action_queue queue = {.index = 0};
	struct rte_flow_action_rss rss = {
		.types = is_ipv4 ? RTE_ETH_RSS_NONFRAG_IPV4_UDP : RTE_ETH_RSS_NONFRAG_IPV6_UDP,
		.queue_num = table->queues,
		.queue = queues,
	};
	struct rte_flow_action actions[] = {
		{.type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue},
		{.type = RTE_FLOW_ACTION_TYPE_END},
	};
	struct rte_flow_error error;

	for (uint16_t i = 0; i < table->queues; i++)
		queues[i] = i;
	if (table->queues > 1)
		actions[0] =
			(struct rte_flow_action){.type = RTE_FLOW_ACTION_TYPE_RSS, .conf = &rss};
	return rte_flow_create(table->dpdk_port, &attributes, pattern, actions, &error);
}

static struct rte_flow *flow_create(const struct nic_flow_table *table, const struct flow_key *key)
{
	bool is_ipv4 = net_address_is_ipv4(&key->local);
	bool has_remote = key->remote.port != 0;
	struct rte_flow_item_ipv4 ipv4 = {0}, ipv4_mask = {0};
	struct rte_flow_item_ipv6 ipv6 = {0}, ipv6_mask = {0};
	struct rte_flow_item_udp udp = {0}, udp_mask = {0};
	struct rte_flow_item pattern[] = {
		{.type = RTE_FLOW_ITEM_TYPE_ETH},
		{.type = RTE_FLOW_ITEM_TYPE_IPV4, .spec = &ipv4, .mask = &ipv4_mask},
		{.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &udp_mask},
		{.type = RTE_FLOW_ITEM_TYPE_END},
	};

	memcpy(&ipv4.hdr.dst_addr, net_address_ipv4(&key->local), 4);
	memset(&ipv4_mask.hdr.dst_addr, 0xff, 4);
	memcpy(ipv6.hdr.dst_addr, key->local.bytes, 16);
	memset(ipv6_mask.hdr.dst_addr, 0xff, 16);
	udp.hdr.dst_port = rte_cpu_to_be_16(key->local_ports.value);
	udp_mask.hdr.dst_port = rte_cpu_to_be_16(key->local_ports.mask);
	if (has_remote) {
		memcpy(&ipv4.hdr.src_addr, net_address_ipv4(&key->remote.address), 4);
		memset(&ipv4_mask.hdr.src_addr, 0xff, 4);
		memcpy(ipv6.hdr.src_addr, key->remote.address.bytes, 16);
		memset(ipv6_mask.hdr.src_addr, 0xff, 16);
		udp.hdr.src_port = rte_cpu_to_be_16(key->remote.port);
		udp_mask.hdr.src_port = 0xffff;
	}
	if (!is_ipv4)
		pattern[1] = (struct rte_flow_item){
			.type = RTE_FLOW_ITEM_TYPE_IPV6, .spec = &ipv6, .mask = &ipv6_mask};
	return flow_insert(table, pattern, is_ipv4);
}

static int entry_add(struct nic_flow_table *table, const struct flow_key *key)
{
	struct rte_flow *flow;

	if (table->count == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		struct flow_entry *entries =
			realloc(table->entries, room * sizeof(*table->entries));

		if (!entries)
			return -ENOMEM;
		table->entries = entries;
		table->room = room;
	}
	flow = flow_create(table, key);
	if (!flow)
		return -rte_errno;
	table->entries[table->count++] = (struct flow_entry){.key = *key, .flow = flow};
	return 0;
}

static void keys_fill(struct flow_key *keys, const struct nic_filter_rules *rules,
	const struct nic_port_prefix *prefixes, unsigned int prefix_count, size_t *count)
{
	for (size_t i = 0; i < rules->served_count; i++)
		keys[(*count)++] = (struct flow_key){
			.local = rules->served[i].address,
			.local_ports = {rules->served[i].port, 0xffff},
		};
	for (size_t i = 0; i < rules->upstream_count; i++) {
		for (size_t j = 0; j < rules->local_count; j++) {
			if (net_address_is_ipv4(&rules->local[j]) !=
				net_address_is_ipv4(&rules->upstreams[i].address))
				continue;
			for (unsigned int k = 0; k < prefix_count; k++)
				keys[(*count)++] = (struct flow_key){
					rules->local[j], prefixes[k], rules->upstreams[i]};
		}
	}
}

int nic_flow_apply(struct nic_flow_table *table, const struct nic_filter_rules *rules)
{
	struct nic_port_prefix prefixes[NIC_PORT_PREFIXES_MOST];
	unsigned int prefix_count =
		nic_port_range_split(rules->local_port_first, rules->local_port_last, prefixes);
	size_t room =
		rules->served_count + rules->upstream_count * rules->local_count * prefix_count;
	struct flow_key *keys = calloc(room + 1, sizeof(*keys));
	size_t count = 0;
	int status = 0;

	if (!keys)
		return -ENOMEM;
	keys_fill(keys, rules, prefixes, prefix_count, &count);
	for (size_t i = 0; i < count && status == 0; i++) {
		if (!table_has(table, &keys[i]))
			status = entry_add(table, &keys[i]);
	}
	for (size_t i = table->count; i-- > 0 && status == 0;) {
		if (!keys_have(keys, count, &table->entries[i].key))
			entry_remove(table, i);
	}
	free(keys);
	return status;
}
