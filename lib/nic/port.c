// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>

#include "base/log.h"
#include "nic/interface.h"
#include "nic/nic_private.h"

#define RSS_HASHED                                                                                 \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV4_UDP |                      \
		RTE_ETH_RSS_NONFRAG_IPV6_UDP)

struct offload {
	enum nic_driver_offload wanted;
	uint64_t rx;
	uint64_t tx;
	enum net_frame_offload for_frames; // 0: only the driver has to know
};

static const struct offload offloads[] = {
	{NIC_DRIVER_RX_IPV4_CHECKSUM, RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, 0, 0},
	{NIC_DRIVER_RX_UDP_CHECKSUM, RTE_ETH_RX_OFFLOAD_UDP_CKSUM, 0, 0},
	{NIC_DRIVER_TX_IPV4_CHECKSUM, 0, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, NET_OFFLOAD_TX_IPV4},
	{NIC_DRIVER_TX_UDP_CHECKSUM, 0, RTE_ETH_TX_OFFLOAD_UDP_CKSUM, NET_OFFLOAD_TX_UDP},
};

// "port 0 (net_af_xdp, eth0)": how errors call a port.
static const char *port_title(const struct nic_port *port, char *text, size_t room)
{
	const struct nic_port_info *info = &port->info;

	snprintf(text, room, "port %u (%s, %s)", info->dpdk_port, info->driver,
		info->interface[0] ? info->interface : info->name);
	return text;
}

static int port_fail(
	const struct nic_port *port, const char *what, int status, struct nic_error *error)
{
	char title[3 * NIC_NAME_TEXT];

	nic_error_set(error, "%s: %s: %s", port_title(port, title, sizeof(title)), what,
		strerror(-status));
	return status;
}

static int queues_check(const struct nic_port *port, struct nic_error *error)
{
	char title[3 * NIC_NAME_TEXT];
	const struct nic_port_info *info = &port->info;

	if (info->queues <= info->queues_most)
		return 0;
	nic_error_set(error,
		"%s has %u queue%s, %u worker lcores need one each: give -l fewer lcores, "
		"or the port more queues",
		port_title(port, title, sizeof(title)), info->queues_most,
		info->queues_most == 1 ? "" : "s", info->queues);
	return -ENOSPC;
}

static void info_fill(struct nic_port *port, const struct rte_eth_dev_info *device)
{
	struct nic_port_info *info = &port->info;
	const struct nic_driver_file *driver = &port->driver;
	uint16_t most = RTE_MIN(device->max_rx_queues, device->max_tx_queues);
	char interface[IF_NAMESIZE];

	if (driver->queues_most && driver->queues_most < most)
		most = driver->queues_most;
	info->queues_most = most;
	info->kernel_path = driver->kernel_path;
	info->has_filter = driver->filter != NIC_FILTER_NONE;
	memcpy(info->steering, driver->steering, sizeof(info->steering));
	info->steering_count = driver->steering_count;
	if (info->kernel_path == NIC_KERNEL_PATH_BIFURCATED && device->if_index &&
		if_indextoname(device->if_index, interface)) {
		info->interface_index = device->if_index;
		snprintf(info->interface, sizeof(info->interface), "%s", interface);
	}
}

int nic_port_probe(struct nic_port *port, uint16_t dpdk_port, uint16_t queues,
	const char *drivers_folder, struct nic_error *error)
{
	struct nic_port_info *info = &port->info;
	struct rte_eth_dev_info device;
	struct rte_ether_addr mac;
	int status;

	port->dpdk_port = dpdk_port;
	info->dpdk_port = dpdk_port;
	info->queues = queues;
	status = rte_eth_dev_info_get(dpdk_port, &device);
	if (status == 0)
		status = rte_eth_macaddr_get(dpdk_port, &mac);
	if (status)
		return port_fail(port, "no information", status, error);
	snprintf(info->name, sizeof(info->name), "%s", rte_dev_name(device.device));
	snprintf(info->driver, sizeof(info->driver), "%s", device.driver_name);
	memcpy(info->mac.bytes, mac.addr_bytes, sizeof(info->mac.bytes));
	status = nic_driver_file_find(drivers_folder, info->driver, &port->driver, error);
	if (status)
		return status;
	info_fill(port, &device);
	info->rx_ring = port->driver.rx_ring;
	info->tx_ring = port->driver.tx_ring;
	return queues_check(port, error);
}

static void offloads_choose(struct nic_port *port, const struct rte_eth_dev_info *device,
	struct rte_eth_conf *configuration)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(offloads); i++) {
		const struct offload *offload = &offloads[i];

		if (!(port->driver.offloads & offload->wanted))
			continue;
		if ((device->rx_offload_capa & offload->rx) != offload->rx ||
			(device->tx_offload_capa & offload->tx) != offload->tx)
			continue;
		configuration->rxmode.offloads |= offload->rx;
		configuration->txmode.offloads |= offload->tx;
		port->tx_offload |= (uint16_t)offload->for_frames;
	}
	port->info.tx_offload = port->tx_offload;
}

static int device_configure(
	struct nic_port *port, struct rte_eth_dev_info *device, struct rte_eth_conf *configuration)
{
	uint16_t queues = port->info.queues;

	offloads_choose(port, device, configuration);
	if (queues > 1 && (device->flow_type_rss_offloads & RSS_HASHED)) {
		configuration->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		configuration->rx_adv_conf.rss_conf.rss_hf =
			device->flow_type_rss_offloads & RSS_HASHED;
	}
	return rte_eth_dev_configure(port->dpdk_port, queues, queues, configuration);
}

static int queues_set_up(struct nic_port *port, const struct rte_eth_dev_info *device,
	const struct rte_eth_conf *configuration, const struct nic_pool *pools)
{
	struct nic_port_info *info = &port->info;
	struct rte_eth_rxconf rx = device->default_rxconf;
	struct rte_eth_txconf tx = device->default_txconf;
	unsigned int socket = (unsigned int)rte_eth_dev_socket_id(port->dpdk_port);
	int status =
		rte_eth_dev_adjust_nb_rx_tx_desc(port->dpdk_port, &info->rx_ring, &info->tx_ring);

	rx.offloads = configuration->rxmode.offloads;
	tx.offloads = configuration->txmode.offloads;
	for (uint16_t queue = 0; queue < info->queues && status == 0; queue++) {
		status = rte_eth_rx_queue_setup(
			port->dpdk_port, queue, info->rx_ring, socket, &rx, pools[queue].pool);
		if (status == 0)
			status = rte_eth_tx_queue_setup(
				port->dpdk_port, queue, info->tx_ring, socket, &tx);
	}
	return status;
}

// An exclusive port receives for the kernel too: ND needs the multicast groups, which we can not
// know one by one. A port that filters nothing has no such switch.
static int receive_modes_set(const struct nic_port *port)
{
	int status;

	if (port->info.kernel_path != NIC_KERNEL_PATH_TAP)
		return 0;
	status = rte_eth_allmulticast_enable(port->dpdk_port);
	if (status == -ENOTSUP)
		status = rte_eth_promiscuous_enable(port->dpdk_port);
	return status == -ENOTSUP ? 0 : status;
}

// What comes to channels that nobody polls goes to the kernel, which knows nothing of our ports.
static void channels_warn(const struct nic_port *port)
{
	const struct nic_port_info *info = &port->info;
	unsigned int channels;

	if (port->driver.filter != NIC_FILTER_XDP)
		return;
	channels = nic_interface_receive_channels(info->interface);
	if (channels > info->queues)
		log_warning("%s receives on %u channels, and %u worker lcores poll one each: run "
			    "`ethtool -L %s combined %u`, or what comes to the others is lost",
			info->interface, channels, info->queues, info->interface, info->queues);
}

// From its first frame on, such a port must not take what is the kernel's.
static int flows_begin(struct nic_port *port)
{
	if (port->driver.filter != NIC_FILTER_FLOW)
		return 0;
	port->flows = nic_flow_create(port->dpdk_port, port->info.queues);
	return port->flows ? nic_flow_isolate(port->dpdk_port) : -errno;
}

int nic_port_start(struct nic_port *port, const struct nic_pool *pools, struct nic_error *error)
{
	struct rte_eth_conf configuration = {0};
	struct rte_eth_dev_info device;
	int status = rte_eth_dev_info_get(port->dpdk_port, &device);

	if (status)
		return port_fail(port, "no information", status, error);
	port->is_configured = true;
	status = flows_begin(port);
	if (status)
		return port_fail(port, "can not leave the rest to the kernel", status, error);
	status = device_configure(port, &device, &configuration);
	if (status)
		return port_fail(port, "can not be configured", status, error);
	status = queues_set_up(port, &device, &configuration, pools);
	if (status)
		return port_fail(port, "its queues can not be set up", status, error);
	status = nic_filter_open(
		&port->filter, port->driver.filter, (int)port->info.interface_index, error);
	if (status)
		return status;
	status = rte_eth_dev_start(port->dpdk_port);
	if (status)
		return port_fail(port, "does not start", status, error);
	port->is_started = true;
	status = receive_modes_set(port);
	if (status)
		return port_fail(port, "does not receive multicast", status, error);
	channels_warn(port);
	return 0;
}

void nic_port_stop(struct nic_port *port)
{
	char title[3 * NIC_NAME_TEXT];
	int status = 0;

	nic_filter_close(&port->filter);
	nic_flow_destroy(port->flows);
	port->flows = NULL;
	if (port->is_started)
		status = rte_eth_dev_stop(port->dpdk_port);
	if (port->is_configured) {
		int closed = rte_eth_dev_close(port->dpdk_port);

		status = status ? status : closed;
	}
	if (status)
		log_warning("%s: does not stop: %s", port_title(port, title, sizeof(title)),
			strerror(-status));
	port->is_started = false;
	port->is_configured = false;
}
