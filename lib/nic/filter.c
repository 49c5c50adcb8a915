// SPDX-License-Identifier: BSD-3-Clause
#include "nic/filter.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "nic/filter_maps.h"

static int map_put(int map, const void *key, const void *value)
{
	int status = bpf_map_update_elem(map, key, value, BPF_ANY);

	return status == -E2BIG ? -ENOSPC : status;
}

static int map_put_endpoints(
	int map, const struct net_endpoint *endpoints, size_t count, uint8_t round)
{
	int status = 0;

	for (size_t i = 0; i < count && status == 0; i++) {
		struct filter_endpoint key = {.port = endpoints[i].port};

		memcpy(key.address.bytes, endpoints[i].address.bytes, sizeof(key.address.bytes));
		status = map_put(map, &key, &round);
	}
	return status;
}

static int map_put_addresses(
	int map, const struct net_address *addresses, size_t count, uint8_t round)
{
	int status = 0;

	for (size_t i = 0; i < count && status == 0; i++)
		status = map_put(map, addresses[i].bytes, &round);
	return status;
}

// Deletes what was written before this round. The key after the one in hand is asked for before
// that one goes, since the kernel starts again behind a key that is gone.
static int map_drop_older(int map, uint8_t round)
{
	struct filter_endpoint keys[2]; // the larger of both key types
	uint8_t value;
	unsigned int turn = 0;
	int more = bpf_map_get_next_key(map, NULL, &keys[0]);

	while (more == 0) {
		struct filter_endpoint *key = &keys[turn];

		turn = !turn;
		more = bpf_map_get_next_key(map, key, &keys[turn]);
		if (bpf_map_lookup_elem(map, key, &value) == 0 && value != round) {
			int status = bpf_map_delete_elem(map, key);

			if (status && status != -ENOENT)
				return status;
		}
	}
	return more == -ENOENT ? 0 : more;
}

static int ports_put(struct nic_filter *filter, const struct nic_filter_rules *rules)
{
	uint32_t zero = 0;
	struct filter_port_range range = {
		.first = rules->local_port_first,
		.last = rules->local_port_last,
	};

	return map_put(filter->maps[NIC_FILTER_MAP_PORTS], &zero, &range);
}

int nic_filter_apply(struct nic_filter *filter, const struct nic_filter_rules *rules)
{
	const int *maps = filter->maps;
	uint8_t round = ++filter->round;
	int status = ports_put(filter, rules);

	if (status == 0)
		status = map_put_endpoints(
			maps[NIC_FILTER_MAP_SERVED], rules->served, rules->served_count, round);
	if (status == 0)
		status = map_put_addresses(
			maps[NIC_FILTER_MAP_LOCAL], rules->local, rules->local_count, round);
	if (status == 0)
		status = map_put_endpoints(maps[NIC_FILTER_MAP_UPSTREAMS], rules->upstreams,
			rules->upstream_count, round);
	for (int i = 0; i < NIC_FILTER_MAP_PORTS && status == 0; i++)
		status = map_drop_older(maps[i], round);
	return status;
}
