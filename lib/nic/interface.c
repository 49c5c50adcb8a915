// SPDX-License-Identifier: BSD-3-Clause
#include "nic/interface.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool ethtool_ask(const char *name, void *question)
{
	struct ifreq request = {.ifr_data = question};
	int status;
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (descriptor < 0)
		return false;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	status = ioctl(descriptor, SIOCETHTOOL, &request);
	close(descriptor);
	return status == 0;
}

unsigned int nic_interface_channels(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (!ethtool_ask(name, &channels) || channels.max_combined == 0)
		return 1;
	return channels.combined_count;
}

unsigned int nic_interface_receive_channels(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	unsigned int count;

	if (!ethtool_ask(name, &channels))
		return 1;
	count = channels.combined_count + channels.rx_count;
	return count ? count : 1;
}

bool nic_interface_is_virtual(const char *name)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};

	return !ethtool_ask(name, &driver) || driver.bus_info[0] == '\0';
}
