// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define BUFFER_BYTES 65536 // the kernel's batches have 32 KB at most
#define EVENT_QUEUE_BYTES (8 << 20) // some ten thousand route changes of a BGP session
#define ANSWER_SECONDS 5 // the kernel answers within the call; this bounds a kernel that does not
#define DISCARD_MOST 65536

struct kernel_netlink {
	struct mnl_socket *events;
	struct mnl_socket *requests;
	uint32_t sequence;
	_Alignas(struct nlmsghdr) uint8_t buffer[BUFFER_BYTES];
};

static int open_events(struct kernel_netlink *netlink)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	int bytes = EVENT_QUEUE_BYTES;

	netlink->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!netlink->events || mnl_socket_bind(netlink->events, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(
			    netlink->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
			return -errno;
	}
	// Without the right to force it the queue is shorter, and a dump mends what it loses.
	if (setsockopt(mnl_socket_get_fd(netlink->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		    sizeof(bytes)) &&
		setsockopt(mnl_socket_get_fd(netlink->events), SOL_SOCKET, SO_RCVBUF, &bytes,
			sizeof(bytes)))
		return -errno;
	return 0;
}

static int open_requests(struct kernel_netlink *netlink)
{
	struct timeval limit = {.tv_sec = ANSWER_SECONDS};

	netlink->requests = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!netlink->requests || mnl_socket_bind(netlink->requests, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	if (setsockopt(mnl_socket_get_fd(netlink->requests), SOL_SOCKET, SO_RCVTIMEO, &limit,
		    sizeof(limit)))
		return -errno;
	return 0;
}

struct kernel_netlink *kernel_netlink_create(void)
{
	struct kernel_netlink *netlink = calloc(1, sizeof(*netlink));
	int status;

	if (!netlink)
		return NULL;
	status = open_events(netlink);
	if (!status)
		status = open_requests(netlink);
	if (status) {
		kernel_netlink_destroy(netlink);
		errno = -status;
		return NULL;
	}
	return netlink;
}

void kernel_netlink_destroy(struct kernel_netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->events)
		mnl_socket_close(netlink->events);
	if (netlink->requests)
		mnl_socket_close(netlink->requests);
	free(netlink);
}

int kernel_netlink_fd(const struct kernel_netlink *netlink)
{
	return mnl_socket_get_fd(netlink->events);
}

// Bytes of one batch in the buffer; 0 for one that is not the kernel's; -errno.
static int receive(struct kernel_netlink *netlink, const struct mnl_socket *socket)
{
	struct sockaddr_nl sender = {0};
	struct iovec part = {.iov_base = netlink->buffer, .iov_len = sizeof(netlink->buffer)};
	struct msghdr header = {.msg_name = &sender,
		.msg_namelen = sizeof(sender),
		.msg_iov = &part,
		.msg_iovlen = 1};
	ssize_t length;

	do {
		length = recvmsg(mnl_socket_get_fd(socket), &header, 0);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	if (header.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	if (header.msg_namelen != sizeof(sender) || sender.nl_pid != 0)
		return 0;
	return (int)length;
}

int kernel_netlink_read_events(
	struct kernel_netlink *netlink, kernel_netlink_take take, void *context)
{
	const struct nlmsghdr *message = (const void *)netlink->buffer;
	int left = receive(netlink, netlink->events);

	if (left < 0)
		return left == -EAGAIN ? 0 : left;
	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		int status = 0;

		if (message->nlmsg_type == NLMSG_OVERRUN)
			status = -ENOBUFS;
		else if (message->nlmsg_type >= NLMSG_MIN_TYPE)
			status = take(context, message);
		if (status < 0)
			return status;
	}
	return 1;
}

void kernel_netlink_discard_events(struct kernel_netlink *netlink)
{
	for (int i = 0; i < DISCARD_MOST; i++) {
		int status = receive(netlink, netlink->events);

		// ENOBUFS stands for events that are lost, not for the end of those that are kept.
		if (status < 0 && status != -ENOBUFS)
			return;
	}
}

// What the kernel says at the end of its answer: 0 or -errno.
static int read_error(const struct nlmsghdr *message)
{
	int error = 0;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(error))
		return message->nlmsg_type == NLMSG_DONE ? 0 : -EINVAL;
	memcpy(&error, mnl_nlmsg_get_payload(message), sizeof(error));
	return error < 0 ? error : 0;
}

static int send_request(struct kernel_netlink *netlink, struct nlmsghdr *request)
{
	request->nlmsg_seq = ++netlink->sequence;
	if (mnl_socket_sendto(netlink->requests, request, request->nlmsg_len) < 0)
		return -errno;
	return 0;
}

// Reads to the end of the answer to the last request. `take` NULL: an answer without objects.
static int read_answer(struct kernel_netlink *netlink, kernel_netlink_take take, void *context)
{
	bool is_interrupted = false;
	int failed = 0;

	for (;;) {
		const struct nlmsghdr *message = (const void *)netlink->buffer;
		int left = receive(netlink, netlink->requests);

		if (left < 0)
			return left == -EAGAIN ? -ETIMEDOUT : left;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_seq != netlink->sequence)
				continue; // the rest of an answer that was given up
			is_interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (message->nlmsg_type == NLMSG_DONE ||
				message->nlmsg_type == NLMSG_ERROR) {
				int status = failed ? failed : read_error(message);

				return !status && is_interrupted ? -EAGAIN : status;
			}
			if (!failed && take && message->nlmsg_type >= NLMSG_MIN_TYPE)
				failed = take(context, message);
		}
	}
}

static uint32_t dump_header_bytes(uint16_t type)
{
	switch (type) {
	case RTM_GETLINK:
		return sizeof(struct ifinfomsg);
	case RTM_GETADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_GETNEIGH:
		return sizeof(struct ndmsg);
	default:
		return sizeof(struct rtmsg);
	}
}

int kernel_netlink_dump(struct kernel_netlink *netlink, uint16_t type, uint8_t family,
	kernel_netlink_take take, void *context)
{
	_Alignas(struct nlmsghdr) uint8_t bytes[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(bytes);
	uint8_t *header = mnl_nlmsg_put_extra_header(request, dump_header_bytes(type));
	int status;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header[0] = family; // the first byte of each of these headers
	if (type == RTM_GETLINK)
		mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	status = send_request(netlink, request);
	return status ? status : read_answer(netlink, take, context);
}

int kernel_netlink_use_neighbour(
	struct kernel_netlink *netlink, int ifindex, const struct net_address *address)
{
	_Alignas(struct nlmsghdr) uint8_t bytes[128];
	struct nlmsghdr *request = mnl_nlmsg_put_header(bytes);
	struct ndmsg *neighbour = mnl_nlmsg_put_extra_header(request, sizeof(*neighbour));
	int status;

	request->nlmsg_type = RTM_NEWNEIGH;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
	neighbour->ndm_ifindex = ifindex;
	neighbour->ndm_flags = NTF_USE;
	if (net_address_is_ipv4(address)) {
		neighbour->ndm_family = AF_INET;
		mnl_attr_put(request, NDA_DST, 4, net_address_ipv4(address));
	} else {
		neighbour->ndm_family = AF_INET6;
		mnl_attr_put(request, NDA_DST, sizeof(address->bytes), address->bytes);
	}
	status = send_request(netlink, request);
	return status ? status : read_answer(netlink, NULL, NULL);
}

struct attribute_table {
	const struct nlattr **entries;
	uint16_t most;
};

static int enter_attribute(const struct nlattr *attribute, void *context)
{
	struct attribute_table *table = context;

	if (mnl_attr_get_type(attribute) <= table->most)
		table->entries[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

int kernel_attributes_of_bytes(
	const void *bytes, size_t length, const struct nlattr **entries, uint16_t most)
{
	struct attribute_table table = {.entries = entries, .most = most};

	memset(entries, 0, (most + 1u) * sizeof(*entries));
	if (mnl_attr_parse_payload(bytes, length, enter_attribute, &table) != MNL_CB_OK)
		return -EINVAL;
	return 0;
}

int kernel_attributes_of_message(
	const struct nlmsghdr *message, uint32_t header, const struct nlattr **table, uint16_t most)
{
	size_t length = mnl_nlmsg_get_payload_len(message);
	size_t skipped = MNL_ALIGN(header);

	if (length < header)
		return -EINVAL;
	return kernel_attributes_of_bytes(mnl_nlmsg_get_payload_offset(message, header),
		length > skipped ? length - skipped : 0, table, most);
}

int kernel_attributes_of_nest(const struct nlattr *nest, const struct nlattr **table, uint16_t most)
{
	return kernel_attributes_of_bytes(
		mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), table, most);
}

static bool copy_payload(const struct nlattr *attribute, void *value, size_t length)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != length)
		return false;
	memcpy(value, mnl_attr_get_payload(attribute), length);
	return true;
}

bool kernel_attribute_u16(const struct nlattr *attribute, uint16_t *value)
{
	return copy_payload(attribute, value, sizeof(*value));
}

bool kernel_attribute_u32(const struct nlattr *attribute, uint32_t *value)
{
	return copy_payload(attribute, value, sizeof(*value));
}

bool kernel_attribute_mac(const struct nlattr *attribute, struct net_mac *mac)
{
	return copy_payload(attribute, mac->bytes, sizeof(mac->bytes));
}

bool kernel_attribute_address(
	const struct nlattr *attribute, uint8_t family, struct net_address *address)
{
	uint8_t bytes[16];

	if (family == AF_INET && copy_payload(attribute, bytes, 4))
		*address = net_address_from_ipv4(bytes);
	else if (family == AF_INET6 && copy_payload(attribute, bytes, sizeof(bytes)))
		*address = net_address_from_ipv6(bytes);
	else
		return false;
	return true;
}
