// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct kernel_tap {
	int fd;
	int ifindex;
};

static int open_interface(struct kernel_tap *tap, const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	size_t length = strlen(name);

	if (length == 0 || length >= sizeof(request.ifr_name) || strpbrk(name, "/: %"))
		return -EINVAL;
	memcpy(request.ifr_name, name, length);
	tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd < 0)
		return -errno;
	if (ioctl(tap->fd, TUNSETIFF, &request))
		return -errno;
	// Whoever made a persistent interface may have left offloads on: we take whole frames only.
	if (ioctl(tap->fd, TUNSETOFFLOAD, 0UL))
		return -errno;
	return 0;
}

// MAC and MTU first, so that nothing is sent with other ones.
static int configure_interface(
	struct kernel_tap *tap, const char *name, const struct net_mac *mac, uint32_t mtu)
{
	struct ifreq request = {0};
	int status = 0;
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (control < 0)
		return -errno;
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(control, SIOCGIFINDEX, &request))
		goto failed;
	tap->ifindex = request.ifr_ifindex;
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, mac->bytes, sizeof(mac->bytes));
	if (ioctl(control, SIOCSIFHWADDR, &request))
		goto failed;
	request.ifr_mtu = (int)mtu;
	if (ioctl(control, SIOCSIFMTU, &request))
		goto failed;
	if (ioctl(control, SIOCGIFFLAGS, &request))
		goto failed;
	request.ifr_flags |= IFF_UP;
	if (ioctl(control, SIOCSIFFLAGS, &request))
		goto failed;
	goto out;
failed:
	status = -errno;
out:
	close(control);
	return status;
}

struct kernel_tap *kernel_tap_create(const char *name, const struct net_mac *mac, uint32_t mtu)
{
	struct kernel_tap *tap = malloc(sizeof(*tap));
	int status;

	if (!tap)
		return NULL;
	*tap = (struct kernel_tap){.fd = -1};
	status = open_interface(tap, name);
	if (!status)
		status = configure_interface(tap, name, mac, mtu);
	if (status) {
		kernel_tap_destroy(tap);
		errno = -status;
		return NULL;
	}
	return tap;
}

void kernel_tap_destroy(struct kernel_tap *tap)
{
	if (!tap)
		return;
	if (tap->fd >= 0)
		close(tap->fd);
	free(tap);
}

int kernel_tap_fd(const struct kernel_tap *tap)
{
	return tap->fd;
}

int kernel_tap_ifindex(const struct kernel_tap *tap)
{
	return tap->ifindex;
}

// The kernel cuts a frame that does not fit without a word, so there is a byte more than the room.
int kernel_tap_read(struct kernel_tap *tap, void *frame, size_t room)
{
	uint8_t excess;
	struct iovec parts[2] = {{frame, room}, {&excess, sizeof(excess)}};
	ssize_t length = readv(tap->fd, parts, 2);

	if (length < 0)
		return -errno;
	return (size_t)length <= room ? (int)length : -EMSGSIZE;
}

int kernel_tap_write(struct kernel_tap *tap, const void *frame, size_t length)
{
	return write(tap->fd, frame, length) < 0 ? -errno : 0;
}
