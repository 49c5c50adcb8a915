// SPDX-License-Identifier: BSD-3-Clause
// Driver files and EAL's command line; no EAL is started. Runs in network and mount namespaces
// of its own where it may, and tests what needs an interface only then.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "nic/driver_file.h"
#include "nic/eal_arguments.h"
#include "nic/flow.h"
#include "nic/interface.h"
#include "nic/lcore_list.h"
#include "unit.h"

static const char good[] = "# comment\n"
			   "[driver]\n"
			   "names = net_one net_two\n"
			   "[bind]\n"
			   "to = none\n"
			   "[queues]\n"
			   "most = 4\n"
			   "rx_ring = 512\n"
			   "tx_ring = 256\n"
			   "[offloads]\n"
			   "rx = ipv4_checksum\n"
			   "tx = none\n"
			   "[steering]\n"
			   "preference = thash hop\n"
			   "[kernel]\n"
			   "path = tap\n"
			   "filter = none\n";

static char folder[] = "/tmp/millrace-test-XXXXXX";

static const char *file_write(const char *name, const char *text)
{
	static char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_TRUE(fputs(text, file) >= 0);
	CU_ASSERT_EQUAL(fclose(file), 0);
	return path;
}

// The good file with one piece of it replaced.
static const char *file_with(const char *from, const char *to)
{
	char text[2 * sizeof(good)];
	const char *at = strstr(good, from);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	return file_write("changed.ini", text);
}

static void test_every_file_of_the_tree(void)
{
	static const struct {
		const char *driver;
		enum nic_kernel_path path;
		enum nic_filter_kind filter;
	} rows[] = {
		{"mlx5_pci", NIC_KERNEL_PATH_BIFURCATED, NIC_FILTER_FLOW},
		{"mlx5_auxiliary", NIC_KERNEL_PATH_BIFURCATED, NIC_FILTER_FLOW},
		{"net_ice", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_i40e", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_ixgbe", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_e1000_igb", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_ena", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_virtio", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_vmxnet3", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_gve", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_af_xdp", NIC_KERNEL_PATH_BIFURCATED, NIC_FILTER_XDP},
		{"net_af_packet", NIC_KERNEL_PATH_BIFURCATED, NIC_FILTER_TC},
		{"net_memif", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_tap", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
		{"net_ring", NIC_KERNEL_PATH_NONE, NIC_FILTER_NONE},
		{"net_null", NIC_KERNEL_PATH_NONE, NIC_FILTER_NONE},
		{"net_of_tomorrow", NIC_KERNEL_PATH_TAP, NIC_FILTER_NONE},
	};
	struct nic_driver_file driver;
	struct nic_error error = {""};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++) {
		CU_ASSERT_EQUAL(
			nic_driver_file_find(DRIVERS_FOLDER, rows[i].driver, &driver, &error), 0);
		CU_ASSERT_STRING_EQUAL(error.text, "");
		CU_ASSERT_EQUAL(driver.kernel_path, rows[i].path);
		CU_ASSERT_EQUAL(driver.filter, rows[i].filter);
		CU_ASSERT_EQUAL(strcmp(driver.names[0], "*") == 0, i == BASE_ARRAY_SIZE(rows) - 1);
	}
}

static void test_values(void)
{
	struct nic_driver_file driver;
	struct nic_error error = {""};

	CU_ASSERT_EQUAL(nic_driver_file_read(file_write("good.ini", good), &driver, &error), 0);
	CU_ASSERT_STRING_EQUAL(error.text, "");
	CU_ASSERT_EQUAL(driver.name_count, 2);
	CU_ASSERT_STRING_EQUAL(driver.names[1], "net_two");
	CU_ASSERT_EQUAL(driver.queues_most, 4);
	CU_ASSERT_EQUAL(driver.rx_ring, 512);
	CU_ASSERT_EQUAL(driver.tx_ring, 256);
	CU_ASSERT_EQUAL(driver.offloads, NIC_DRIVER_RX_IPV4_CHECKSUM);
	CU_ASSERT_EQUAL(driver.steering_count, 2);
	CU_ASSERT_EQUAL(driver.steering[0], NIC_STEERING_THASH);
	CU_ASSERT_EQUAL(driver.steering[1], NIC_STEERING_HOP);
	CU_ASSERT_EQUAL(driver.kernel_path, NIC_KERNEL_PATH_TAP);
	CU_ASSERT_STRING_EQUAL(driver.device_arguments, "");
}

// Each row: what is replaced by what, and the end of the error after the file's name.
static void test_errors(void)
{
	static const struct {
		const char *from, *to, *error;
	} rows[] = {
		{"most = 4", "most = four",
			":7: bad value \"four\" of \"most\" in section \"queues\""},
		{"most = 4", "most = -1", ":7: bad value \"-1\" of \"most\" in section \"queues\""},
		{"most = 4", "most = 70000",
			":7: bad value \"70000\" of \"most\" in section \"queues\""},
		{"rx_ring = 512", "rx_ring = 0",
			":8: bad value \"0\" of \"rx_ring\" in section \"queues\""},
		{"most = 4", "least = 4", ":7: unknown key \"least\" in section \"queues\""},
		{"most = 4\n", "", ": key \"most\" is missing in section \"queues\""},
		{"most = 4", "most = 4\nmost = 5",
			":7: key \"most\" stands twice in section \"queues\""},
		{"[kernel]", "[colonel]", ":15: unknown section \"colonel\""},
		{"[kernel]", "[kernel", ":15: no ] behind the section's name"},
		{"path = tap", "path tap", ":16: neither a section nor a key with its value"},
		{"path = tap", "path =", ":16: a key without a value"},
		{"path = tap", "path = tun",
			":16: bad value \"tun\" of \"path\" in section \"kernel\""},
		{"thash hop", "thash jump",
			":14: bad value \"thash jump\" of \"preference\" in section "
			"\"steering\""},
		{"rx = ipv4_checksum", "rx = none ipv4_checksum",
			":11: bad value \"none ipv4_checksum\" of \"rx\" in section \"offloads\""},
		{"to = none", "to = uio", ":5: bad value \"uio\" of \"to\" in section \"bind\""},
		{"[driver]", "names = x\n[driver]", ":2: a key before the first section"},
	};
	struct nic_driver_file driver;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++) {
		const char *path = file_with(rows[i].from, rows[i].to);
		struct nic_error error = {""};

		CU_ASSERT_EQUAL(nic_driver_file_read(path, &driver, &error), -EINVAL);
		CU_ASSERT_EQUAL(strncmp(error.text, path, strlen(path)), 0);
		CU_ASSERT_STRING_EQUAL(error.text + strlen(path), rows[i].error);
	}
	CU_ASSERT_EQUAL(unlink(file_with("most", "most")), 0);
}

static void test_find(void)
{
	struct nic_driver_file driver;
	struct nic_error error = {""};

	file_write("good.ini", good);
	CU_ASSERT_EQUAL(nic_driver_file_find(folder, "net_two", &driver, &error), 0);
	CU_ASSERT_EQUAL(nic_driver_file_find(folder, "net_three", &driver, &error), -ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "no file names the driver net_three"));
	CU_ASSERT_EQUAL(nic_driver_file_find("/nonexistent", "x", &driver, &error), -ENOENT);
	CU_ASSERT_EQUAL(nic_driver_file_read("/nonexistent.ini", &driver, &error), -ENOENT);
	CU_ASSERT_STRING_EQUAL(error.text, "/nonexistent.ini: No such file or directory");
}

static unsigned int lcores(const char *option, const char *value)
{
	char *argv[] = {"test", (char *)option, (char *)value};

	return nic_lcore_count(value ? 3 : 2, argv);
}

static void test_lcore_lists(void)
{
	static const struct {
		const char *option, *value;
		unsigned int count;
	} rows[] = {
		{"-l", "0", 1},
		{"-l", "0-3", 4},
		{"-l", "0,2,4-5", 4},
		{"-l", "1,1,0-1", 2},
		{"-l0-2", NULL, 3},
		{"-l", "a", 0},
		{"-l", "0-", 0},
		{"-l", "4294967296", 0},
		{"--lcores", "(0-1)@(2,3)", 2},
		{"--lcores=0@1,(2-3)@4,5", NULL, 4},
		{"-c", "0xf", 4},
		{"-c", "5", 2},
		{"-c3", NULL, 2},
		{"-c", "xyz", 0},
	};
	cpu_set_t cpus;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(lcores(rows[i].option, rows[i].value), rows[i].count);
	CU_ASSERT_EQUAL(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	CU_ASSERT_EQUAL(lcores("--no-pci", NULL), (unsigned int)CPU_COUNT(&cpus));
}

// The rewritten command line, joined by blanks; the error if there is one.
static const char *rewritten(int argc, char *const argv[])
{
	static char text[1024];
	struct nic_eal_arguments arguments;
	struct nic_error error = {""};
	size_t length = 0;

	if (nic_eal_arguments_make(argc, argv, 1, &arguments, &error)) {
		snprintf(text, sizeof(text), "%s", error.text);
		return text;
	}
	text[0] = '\0';
	CU_ASSERT_PTR_NULL(arguments.argv[arguments.argc]);
	for (int i = 0; i < arguments.argc; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s",
			i ? " " : "", arguments.argv[i]);
	nic_eal_arguments_free(&arguments);
	return text;
}

#define REWRITTEN(...)                                                                             \
	rewritten((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__})

static void test_memory_arguments(void)
{
	CU_ASSERT_STRING_EQUAL(
		REWRITTEN("m", "-l", "0-1", "--no-huge"), "m -l 0-1 --no-huge -m 512");
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "-m", "64"), "m --no-huge -m 64");
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "-m64"), "m --no-huge -m64");
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "--in-memory"),
		"--no-huge and --in-memory exclude each other");
}

static void test_device_arguments(void)
{
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "-m", "1", "--vdev", "net_tap0,iface=x"),
		"m --no-huge -m 1 --vdev=net_tap0,iface=x");
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "--vdev=net_af_xdp0,start_queue=0"),
		"--vdev=net_af_xdp0,start_queue=0: iface=INTERFACE is missing or too long");
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "--vdev=net_af_xdp0,iface=no0"),
		"--vdev=net_af_xdp0,iface=no0: there is no interface \"no0\"");
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "--vdev=net_af_packet0,iface=no0"),
		"--vdev=net_af_packet0,iface=no0: there is no interface \"no0\"");
}

// Another application's: it passes everything.
static void program_attach(int interface)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program = bpf_prog_load(
		BPF_PROG_TYPE_XDP, "other", "BSD-3-Clause", pass, BASE_ARRAY_SIZE(pass), NULL);

	CU_ASSERT_TRUE_FATAL(program >= 0);
	CU_ASSERT_EQUAL(bpf_xdp_attach(interface, program, 0, NULL), 0);
	close(program);
}

// The number of the file in memory is not known beforehand.
static void test_af_xdp_arguments(void)
{
	const char *text = REWRITTEN("m", "-l", "0-3", "--no-huge", "-m", "1",
		"--vdev=net_af_xdp0,iface=one", "--vdev=net_af_xdp1,iface=two,queue_count=1");
	int first = -1, second = -2;

	CU_ASSERT_EQUAL(sscanf(text,
				"m -l 0-3 --no-huge -m 1 "
				"--vdev=net_af_xdp0,iface=one,xdp_prog=/proc/self/fd/%d,"
				"queue_count=1,busy_budget=0 "
				"--vdev=net_af_xdp1,iface=two,queue_count=1,"
				"xdp_prog=/proc/self/fd/%d,busy_budget=0 --iova-mode=va",
				&first, &second),
		2);
	CU_ASSERT_EQUAL(first, second);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "queue_count=1,busy_budget=0 "));
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "--no-huge", "-m", "1",
				       "--vdev=net_af_xdp0,iface=two,xdp_prog=/x,busy_budget=9"),
		"m --no-huge -m 1 "
		"--vdev=net_af_xdp0,iface=two,xdp_prog=/x,busy_budget=9,queue_count=1 "
		"--iova-mode=va");
	CU_ASSERT_STRING_EQUAL(REWRITTEN("m", "-l", "0-3", "--no-huge", "-m", "1",
				       "--vdev=net_af_packet0,iface=two",
				       "--vdev=net_af_packet1,iface=two,qpairs=1"),
		"m -l 0-3 --no-huge -m 1 --vdev=net_af_packet0,iface=two,qpairs=3 "
		"--vdev=net_af_packet1,iface=two,qpairs=1");
	program_attach((int)if_nametoindex("two"));
	text = REWRITTEN("m", "--no-huge", "--vdev=net_af_xdp0,iface=two");
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "two has an XDP program of another application (id "));
	CU_ASSERT_EQUAL(nic_interface_channels("one"), 1);
	CU_ASSERT_EQUAL(nic_interface_receive_channels("one"), 2);
	CU_ASSERT_EQUAL(nic_interface_receive_channels("no0"), 1);
	CU_ASSERT_EQUAL(nic_interface_channels("two"), 1);
	CU_ASSERT_TRUE(nic_interface_is_virtual("one"));
}

// Every port of the range is in exactly one prefix, every other port in none.
static void check_split(uint16_t first, uint16_t last, unsigned int expected)
{
	struct nic_port_prefix prefixes[NIC_PORT_PREFIXES_MOST];
	unsigned int count = nic_port_range_split(first, last, prefixes);
	unsigned int wrong = 0;

	CU_ASSERT_EQUAL(count, expected);
	for (uint32_t port = 0; port <= 0xffff; port++) {
		unsigned int found = 0;

		for (unsigned int i = 0; i < count; i++)
			found += (port & prefixes[i].mask) == prefixes[i].value;
		wrong += found != (port >= first && port <= last);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_port_prefixes(void)
{
	check_split(0, 0xffff, 1);
	check_split(53, 53, 1);
	check_split(1, 0, 0);
	check_split(16384, 0xffff, 2);
	check_split(1024, 0xffff, 6);
	check_split(1, 0xfffe, NIC_PORT_PREFIXES_MOST);
	check_split(40000, 40999, 6);
}

static bool interfaces_make(void)
{
	return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
	       system("ip link add one numrxqueues 2 numtxqueues 2 type veth peer name two && "
		      "ethtool -L one rx 2 tx 2") == 0;
}

int main(void)
{
	static const struct unit_case cases[] = {
		{"every file of the tree", test_every_file_of_the_tree},
		{"values", test_values},
		{"errors", test_errors},
		{"finding the file", test_find},
		{"lcore lists", test_lcore_lists},
		{"memory for EAL", test_memory_arguments},
		{"devices for EAL", test_device_arguments},
		{"port prefixes", test_port_prefixes},
		{"AF_XDP devices", test_af_xdp_arguments},
	};
	size_t count = BASE_ARRAY_SIZE(cases);
	char command[PATH_MAX + 16];
	int status;

	if (!mkdtemp(folder))
		return 1;
	if (!interfaces_make())
		count--;
	status = unit_run("nic_config", cases, count);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) || status;
}
