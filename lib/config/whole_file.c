// SPDX-License-Identifier: BSD-3-Clause
#include "config/lexer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

// Reads until the end of the file or until the room is full. The bytes read, or -errno.
static ssize_t file_read_all(int fd, char *bytes, size_t room)
{
	size_t length = 0;

	while (length < room) {
		ssize_t got = read(fd, bytes + length, room - length);

		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

int config_read_whole_file(
	struct config_arena *arena, const char *path, const char **text, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes = NULL;
	ssize_t got = -ENOMEM;

	if (fd < 0)
		return -errno;
	// One byte more than allowed shows a file that is too large, without trusting its size.
	bytes = malloc(CONFIG_FILE_BYTES + 1);
	if (bytes)
		got = file_read_all(fd, bytes, CONFIG_FILE_BYTES + 1);
	close(fd);
	if (got > CONFIG_FILE_BYTES)
		got = -EFBIG;
	if (got >= 0) {
		*length = (size_t)got;
		*text = config_arena_copy_text(arena, bytes, *length);
		if (!*text)
			got = -ENOMEM;
	}
	free(bytes);
	return got < 0 ? (int)got : 0;
}
