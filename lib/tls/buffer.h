// SPDX-License-Identifier: BSD-3-Clause
// Bytes that wait, first in, first out. Memory is there only while some do.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct tls_buffer {
	uint8_t *bytes;
	size_t start; // of what waits
	size_t end;
	size_t room; // bytes allocated
};

static inline size_t tls_buffer_length(const struct tls_buffer *buffer)
{
	return buffer->end - buffer->start;
}

// 0, or -ENOMEM with the buffer as it was.
base_must_check int tls_buffer_put(struct tls_buffer *buffer, const uint8_t *bytes, size_t length);

// Takes away up to `length` bytes at the front; frees the memory when none are left.
void tls_buffer_drop(struct tls_buffer *buffer, size_t length);
