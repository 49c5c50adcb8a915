// SPDX-License-Identifier: BSD-3-Clause
#include "kernel_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MILLISECONDS 10000
#define STEP_MILLISECONDS 100

// The namespaces of this test program.
static int own_namespace = -1;
static int peer_namespace = -1;

static int make_namespace(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return open("/proc/self/ns/net", O_RDONLY);
}

int lab_run_cases(const char *suite_name, const struct unit_case *cases, size_t count)
{
	int status;

	if (geteuid() != 0) {
		printf("%s: skipped, making network namespaces needs root\n", suite_name);
		return LAB_SKIPPED;
	}
	peer_namespace = make_namespace();
	own_namespace = make_namespace();
	if (peer_namespace < 0 || own_namespace < 0) {
		printf("%s: skipped, no network namespace: %s\n", suite_name, strerror(errno));
		return LAB_SKIPPED;
	}
	status = unit_run(suite_name, cases, count);
	close(own_namespace);
	close(peer_namespace);
	return status;
}

static base_printf(1, 0) int run_shell(const char *format, va_list arguments)
{
	char command[1024];
	int length = vsnprintf(command, sizeof(command), format, arguments);
	int status;

	if (length < 0 || (size_t)length >= sizeof(command))
		return -1;
	fflush(stdout);
	status = system(command);
	if (status == -1 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int lab_try(const char *format, ...)
{
	va_list arguments;
	int status;

	va_start(arguments, format);
	status = run_shell(format, arguments);
	va_end(arguments);
	return status;
}

void lab_do(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	CU_ASSERT_EQUAL_FATAL(run_shell(format, arguments), 0);
	va_end(arguments);
}

void lab_do_at_peer(const char *format, ...)
{
	va_list arguments;
	int status;

	CU_ASSERT_EQUAL_FATAL(setns(peer_namespace, CLONE_NEWNET), 0);
	va_start(arguments, format);
	status = run_shell(format, arguments);
	va_end(arguments);
	CU_ASSERT_EQUAL_FATAL(setns(own_namespace, CLONE_NEWNET), 0);
	CU_ASSERT_EQUAL_FATAL(status, 0);
}

static bool is_up(struct kernel_tables *tables, void *context)
{
	struct kernel_link link;

	return kernel_tables_read_link(tables, *(int *)context, &link) == 0 && link.is_up;
}

struct kernel_tables *lab_begin(void)
{
	struct kernel_tables *tables;
	int ifindex;

	lab_try("ip link delete port 2>/dev/null"); // what a test that failed has left
	lab_do("ip link add port address 02:00:00:00:00:01 type veth peer name peer"
	       " address 02:00:00:00:00:02");
	lab_do("ip link set peer netns /proc/%d/fd/%d", (int)getpid(), peer_namespace);
	lab_do_at_peer("ip link set peer up && ip address add 10.53.0.1/24 dev peer &&"
		       " ip address add fd53::1/64 dev peer nodad");
	lab_do("ip link set port up && ip address add 10.53.0.2/24 dev port &&"
	       " ip address add fd53::2/64 dev port nodad");
	tables = kernel_tables_create();
	CU_ASSERT_PTR_NOT_NULL_FATAL(tables);
	ifindex = kernel_tables_find_link(tables, "port");
	CU_ASSERT_TRUE_FATAL(ifindex > 0);
	CU_ASSERT_EQUAL_FATAL(kernel_tables_attach(tables, ifindex, LAB_PORT), 0);
	CU_ASSERT_TRUE_FATAL(lab_wait(tables, is_up, &ifindex));
	return tables;
}

void lab_end(struct kernel_tables *tables)
{
	kernel_tables_destroy(tables);
	lab_do("ip link delete port");
}

bool lab_has_vlan(void)
{
	bool has_vlan;

	lab_try("ip link delete port 2>/dev/null");
	lab_do("ip link add port type veth peer name peer");
	has_vlan = lab_try("ip link add link port name port.7 type vlan id 7 2>/dev/null") == 0;
	if (!has_vlan)
		printf("left out, this kernel has no 802.1Q interfaces ...");
	lab_do("ip link delete port");
	return has_vlan;
}

static int64_t now_milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool wait_for(struct kernel_tables *tables, const struct net_address *destination,
	lab_condition condition, void *context)
{
	int64_t end = now_milliseconds() + WAIT_MILLISECONDS;
	struct pollfd ready = {.fd = kernel_tables_fd(tables), .events = POLLIN};

	for (;;) {
		if (kernel_tables_update(tables) < 0)
			return false;
		if (condition(tables, context))
			return true;
		if (now_milliseconds() >= end)
			return false;
		if (destination && kernel_tables_resolve(tables, destination) == -EINVAL)
			return false;
		if (poll(&ready, 1, STEP_MILLISECONDS) < 0)
			return false;
	}
}

bool lab_wait(struct kernel_tables *tables, lab_condition condition, void *context)
{
	return wait_for(tables, NULL, condition, context);
}

bool lab_wait_resolving(struct kernel_tables *tables, const char *destination,
	lab_condition condition, void *context)
{
	struct net_address address = lab_address(destination);

	return wait_for(tables, &address, condition, context);
}

struct net_address lab_address(const char *text)
{
	struct net_address address = {0};

	CU_ASSERT_EQUAL_FATAL(net_address_parse(text, &address), 0);
	return address;
}

bool lab_lists(const struct kernel_tables *tables, const char *text)
{
	struct net_address wanted = lab_address(text), listed[1024];
	size_t count = kernel_tables_list_addresses(tables, LAB_PORT, listed, 1024), found = 0;

	for (size_t i = 0; i < count && i < 1024; i++)
		found += net_address_equal(&listed[i], &wanted);
	CU_ASSERT_TRUE(found <= 1);
	CU_ASSERT_EQUAL(kernel_tables_has_address(tables, &wanted), found == 1);
	return found == 1;
}

struct net_path lab_path(const struct kernel_tables *tables, const char *destination)
{
	struct net_address address = lab_address(destination);
	struct net_path path;

	kernel_tables_find_path(tables, &address, NULL, &path);
	return path;
}
