// SPDX-License-Identifier: BSD-3-Clause
#include "stream_frames.h"

#include <stdlib.h>
#include <string.h>

#include "base/table_memory.h"

#define HEADROOM 128 // NET_HEADERS_MOST and more, in whole lines
#define FRAME_BYTES (HEADROOM + 65536)

struct stream_frames {
	uint8_t *memory;
	uint16_t free_count;
	uint16_t count;
	void *free[];
};

_Static_assert(HEADROOM >= NET_HEADERS_MOST, "headers fit before the payload");

struct stream_frames *stream_frames_create(uint16_t count)
{
	struct stream_frames *frames = calloc(1, sizeof(*frames) + count * sizeof(void *));

	if (!frames)
		return NULL;
	// Not touched before use: most messages take a page or less.
	frames->memory = table_memory_allocate((size_t)count * FRAME_BYTES);
	if (!frames->memory) {
		free(frames);
		return NULL;
	}
	frames->count = count;
	for (uint16_t i = count; i-- > 0;)
		frames->free[frames->free_count++] = frames->memory + (size_t)i * FRAME_BYTES;
	return frames;
}

void stream_frames_destroy(struct stream_frames *frames)
{
	if (!frames)
		return;
	free(frames->memory);
	free(frames);
}

bool stream_frames_allocate(struct stream_frames *frames, struct net_frame *frame)
{
	if (!frames->free_count)
		return false;
	*frame = (struct net_frame){.buffer = frames->free[--frames->free_count]};
	frame->data = (uint8_t *)frame->buffer + HEADROOM;
	frame->headroom = HEADROOM;
	frame->tailroom = UINT16_MAX;
	frame->vlan = NET_VLAN_NONE;
	return true;
}

bool stream_frames_copy(struct stream_frames *frames, struct net_frame *frame,
	const uint8_t *payload, uint16_t length)
{
	if (!stream_frames_allocate(frames, frame))
		return false;
	memcpy(frame->data, payload, length);
	frame->payload_length = length;
	frame->length = length;
	frame->tailroom = (uint16_t)(UINT16_MAX - length);
	return true;
}

bool stream_frames_copy_frame(
	struct stream_frames *frames, struct net_frame *frame, const struct net_frame *from)
{
	if (!stream_frames_copy(frames, frame, from->data, from->length))
		return false;
	frame->port = from->port;
	frame->offload = from->offload;
	return true;
}

void stream_frames_release(struct stream_frames *frames, struct net_frame *frame)
{
	frames->free[frames->free_count++] = frame->buffer;
}

uint16_t stream_frames_left(const struct stream_frames *frames)
{
	return frames->free_count;
}
