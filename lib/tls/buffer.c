// SPDX-License-Identifier: BSD-3-Clause
#include "tls/buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 512

static int grow(struct tls_buffer *buffer, size_t needed)
{
	size_t room = buffer->room ? buffer->room : LEAST_ROOM;
	uint8_t *bytes;

	while (room < needed)
		room *= 2;
	bytes = realloc(buffer->bytes, room);
	if (!bytes)
		return -ENOMEM;
	buffer->bytes = bytes;
	buffer->room = room;
	return 0;
}

int tls_buffer_put(struct tls_buffer *buffer, const uint8_t *bytes, size_t length)
{
	size_t waiting = tls_buffer_length(buffer);

	if (length == 0)
		return 0;
	if (buffer->room - buffer->end < length && buffer->start > 0) {
		memmove(buffer->bytes, buffer->bytes + buffer->start, waiting);
		buffer->start = 0;
		buffer->end = waiting;
	}
	if (buffer->room - buffer->end < length && grow(buffer, waiting + length) < 0)
		return -ENOMEM;
	memcpy(buffer->bytes + buffer->end, bytes, length);
	buffer->end += length;
	return 0;
}

void tls_buffer_drop(struct tls_buffer *buffer, size_t length)
{
	if (length < tls_buffer_length(buffer)) {
		buffer->start += length;
		return;
	}
	free(buffer->bytes);
	*buffer = (struct tls_buffer){0};
}
