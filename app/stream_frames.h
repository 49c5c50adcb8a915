// SPDX-License-Identifier: BSD-3-Clause
// Frames of a stream lcore: plain memory with room for the longest message, for as long as one
// query or reply is at work. What goes to a worker is copied to one of the NIC's frames.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/frame.h"

struct stream_frames;

// NULL with errno.
struct stream_frames *stream_frames_create(uint16_t count);
void stream_frames_destroy(struct stream_frames *frames);

// A frame with an empty payload, room for any message and headers before it. False: none is left.
bool stream_frames_allocate(struct stream_frames *frames, struct net_frame *frame);
// The same with these bytes, 65535 at most, as its payload.
bool stream_frames_copy(struct stream_frames *frames, struct net_frame *frame,
	const uint8_t *payload, uint16_t length);
// The same with a frame as it came from a NIC, headers and all.
bool stream_frames_copy_frame(
	struct stream_frames *frames, struct net_frame *frame, const struct net_frame *from);
void stream_frames_release(struct stream_frames *frames, struct net_frame *frame);

uint16_t stream_frames_left(const struct stream_frames *frames);
