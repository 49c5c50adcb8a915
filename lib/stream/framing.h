// SPDX-License-Identifier: BSD-3-Clause
// Messages in a stream: two bytes of length, then the message (RFC 1035, section 4.2.2).
#pragma once

#include <errno.h>

#include "base/bytes.h"

#define STREAM_LENGTH_BYTES 2u
#define STREAM_MESSAGE_LEAST 12u // a DNS header
#define STREAM_MESSAGE_MOST 65535u
#define STREAM_FRAME_MOST (STREAM_LENGTH_BYTES + STREAM_MESSAGE_MOST)

// The next message. 1: it is whole, and the reader behind it; 0: its rest has not come, the reader is
// at its start, and *length is that of the whole frame as far as it is known, 0 if not;
// -EBADMSG: its length is less than a header's.
static inline int stream_frame_take(
	struct byte_reader *reader, const uint8_t **message, uint32_t *length)
{
	uint32_t claimed;

	*length = 0;
	if (byte_reader_left(reader) < STREAM_LENGTH_BYTES)
		return 0;
	claimed = bytes_load_u16(reader->at);
	if (base_unlikely(claimed < STREAM_MESSAGE_LEAST))
		return -EBADMSG;
	if (byte_reader_left(reader) < STREAM_LENGTH_BYTES + claimed) {
		*length = STREAM_LENGTH_BYTES + claimed;
		return 0;
	}
	(void)byte_reader_take(reader, STREAM_LENGTH_BYTES);
	*message = byte_reader_take(reader, claimed);
	*length = claimed;
	return 1;
}
