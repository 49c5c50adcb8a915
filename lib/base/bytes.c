// SPDX-License-Identifier: BSD-3-Clause
#include "base/bytes.h"

void byte_reader_seek(struct byte_reader *reader, size_t offset)
{
	if (offset > (size_t)(reader->end - reader->start)) {
		reader->failed = true;
		reader->at = reader->end;
		return;
	}
	reader->at = reader->start + offset;
}

void byte_writer_put(struct byte_writer *writer, const void *bytes, size_t length)
{
	uint8_t *room = byte_writer_reserve(writer, length);

	if (room && length)
		memcpy(room, bytes, length);
}

void byte_writer_put_u8(struct byte_writer *writer, uint8_t value)
{
	uint8_t *room = byte_writer_reserve(writer, 1);

	if (room)
		room[0] = value;
}

void byte_writer_put_u16(struct byte_writer *writer, uint16_t value)
{
	uint8_t *room = byte_writer_reserve(writer, 2);

	if (room)
		bytes_store_u16(room, value);
}

void byte_writer_put_u32(struct byte_writer *writer, uint32_t value)
{
	uint8_t *room = byte_writer_reserve(writer, 4);

	if (room)
		bytes_store_u32(room, value);
}
