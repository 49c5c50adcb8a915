// SPDX-License-Identifier: BSD-3-Clause
#include "nic/tc_dump.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "base/compiler.h"

#define BUFFER_BYTES 32768 // the kernel sends no larger part of a dump

// One filter of the dump; priority and protocol of it are not asked for.
static int filter_see(const struct nlmsghdr *message, void *context)
{
	bool *found = context;

	*found |= message->nlmsg_type == RTM_NEWTFILTER;
	return MNL_CB_OK;
}

static int filters_find(struct mnl_socket *socket, int interface, uint32_t parent, bool *found)
{
	char buffer[BUFFER_BYTES] base_aligned(MNL_ALIGNTO);
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct tcmsg *filter = mnl_nlmsg_put_extra_header(message, sizeof(*filter));
	ssize_t length;
	int more = 1;

	message->nlmsg_type = RTM_GETTFILTER;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = parent;
	filter->tcm_family = AF_UNSPEC;
	filter->tcm_ifindex = interface;
	filter->tcm_parent = parent;
	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		if (length < 0)
			return -errno;
		more = mnl_cb_run(buffer, (size_t)length, parent, mnl_socket_get_portid(socket),
			filter_see, found);
	}
	return more < 0 ? -errno : 0;
}

int nic_tc_has_filters(int interface)
{
	static const uint32_t parents[] = {
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
	};
	bool found = false;
	int status = 0;
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!socket)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID))
		status = -errno;
	for (int i = 0; i < 2 && status == 0; i++)
		status = filters_find(socket, interface, parents[i], &found);
	mnl_socket_close(socket);
	return status ? status : found;
}
