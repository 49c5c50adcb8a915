// SPDX-License-Identifier: BSD-3-Clause
// What a port tells of its hash, against the published examples of the hash, and rules that a
// device does not take.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_lcore.h>

#include "nic/steering.h"
#include "unit.h"

#define SKIPPED 77
#define QUEUES 3

// The key and examples of "Verifying the RSS Hash Calculation" (Microsoft's NDIS documentation),
// which every NIC vendor tests with.
#define KEY "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"

struct example {
	const char *source;
	uint16_t source_port;
	const char *destination;
	uint16_t destination_port;
	uint32_t hash;
};

static const struct example examples[] = {
	{"66.9.149.187", 2794, "161.142.100.80", 1766, 0x51ccc178},
	{"199.92.111.2", 14230, "65.69.140.83", 4739, 0xc626b0ea},
	{"3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766, 0x40207d3d},
	{"3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739, 0xdde51bbf},
};

static struct nic *open_null(const char *folder)
{
	unsigned int lcores[QUEUES] = {0};
	struct nic_options options = {
		.queues = QUEUES, .lcores = lcores, .frames = 2047, .drivers_folder = folder};
	struct nic_error error = {""};
	struct nic *nic;

	for (int i = 0; i < QUEUES; i++)
		lcores[i] = rte_lcore_id();
	CU_ASSERT_EQUAL_FATAL(rte_eal_hotplug_add("vdev", "net_null0", ""), 0);
	nic = nic_open(&options, &error);
	CU_ASSERT_STRING_EQUAL(error.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(nic);
	return nic;
}

static void close_null(struct nic *nic)
{
	nic_close(nic);
	CU_ASSERT_EQUAL(rte_eal_hotplug_remove("vdev", "net_null0"), 0);
}

// A folder with one driver file, that of net_null with a key in it.
static void write_folder(char *folder, const char *key)
{
	char path[128];
	FILE *file;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/null.ini", folder);
	file = fopen(path, "we");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fprintf(file,
		"[driver]\nnames = net_null\n[bind]\nto = none\n"
		"[queues]\nmost = 0\nrx_ring = 64\ntx_ring = 64\n"
		"[offloads]\nrx = none\ntx = none\n"
		"[steering]\npreference = thash hop\nrss_key = %s\n"
		"[kernel]\npath = none\nfilter = none\n",
		key);
	fclose(file);
}

static void remove_folder(const char *folder)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/null.ini", folder);
	unlink(path);
	rmdir(folder);
}

static void check_example(const struct net_steering *steering, const struct example *example)
{
	struct net_endpoint source = {.port = example->source_port};
	struct net_address destination;
	const struct net_steering_bytes *bytes;
	uint32_t hash;

	CU_ASSERT_EQUAL_FATAL(net_address_parse(example->source, &source.address), 0);
	CU_ASSERT_EQUAL_FATAL(net_address_parse(example->destination, &destination), 0);
	bytes = net_address_is_ipv4(&destination) ? &steering->ipv4 : &steering->ipv6;
	hash = nic_steering_reply_hash(steering, &source, &destination);
	CU_ASSERT_EQUAL(net_steering_queue(steering, hash, net_address_is_ipv4(&destination),
				example->destination_port),
		example->hash % NET_STEERING_TABLE_MOST % QUEUES);
	hash ^= bytes->high[example->destination_port >> 8] ^
		bytes->low[example->destination_port & 0xff];
	CU_ASSERT_EQUAL(hash, example->hash);
}

static void hashes_are_those_of_the_published_examples(void)
{
	char folder[] = "/tmp/millrace_steering_XXXXXX";
	struct net_steering *steering = malloc(sizeof(*steering));
	struct nic *nic;

	write_folder(folder, KEY);
	nic = open_null(folder);
	CU_ASSERT_PTR_NOT_NULL_FATAL(steering);
	CU_ASSERT_EQUAL(nic_steering_read_hash(nic, 0, steering), 0);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(examples); i++)
		check_example(steering, &examples[i]);
	close_null(nic);
	free(steering);
	remove_folder(folder);
}

// net_null has a key and a table of its own, and takes no rules.
static void device_tells_its_key_and_table(void)
{
	struct net_steering *steering = malloc(sizeof(*steering));
	struct nic_port_range range = {.first = 10240, .last = 32767, .queue = 1};
	struct nic *nic = open_null(DRIVERS_FOLDER);
	bool has_key = false;

	CU_ASSERT_PTR_NOT_NULL_FATAL(steering);
	CU_ASSERT_EQUAL(nic_steering_read_hash(nic, 0, steering), 0);
	CU_ASSERT_EQUAL(steering->table_mask, 127);
	for (size_t i = 0; i < sizeof(steering->key); i++)
		has_key = has_key || steering->key[i];
	CU_ASSERT_TRUE(has_key);
	for (uint16_t i = 0; i <= steering->table_mask; i++)
		CU_ASSERT_TRUE(steering->queues[i] < QUEUES);
	CU_ASSERT_EQUAL(nic_steering_install_rules(nic, 0, &range, 1), -ENOTSUP);
	close_null(nic);
	free(steering);
}

static const struct unit_case cases[] = {
	{"hashes are those of the published examples", hashes_are_those_of_the_published_examples},
	{"a device tells its key and table", device_tells_its_key_and_table},
};

int main(int argc, char *argv[])
{
	char *arguments[] = {argv[0], "--no-huge", "--no-pci", "-m", "128", "--no-shconf",
		"--no-telemetry", "-l", "0", NULL};

	(void)argc;
	if (geteuid() != 0) {
		puts("not root: skipped");
		return SKIPPED;
	}
	if (rte_eal_init(9, arguments) < 0)
		return 1;
	return unit_run("nic steering", cases, BASE_ARRAY_SIZE(cases));
}
