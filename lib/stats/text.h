// SPDX-License-Identifier: BSD-3-Clause
// Text that grows as it is written, for who reads what was counted. Management lcore, and threads that
// may wait; never a worker.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

#define STATS_TEXT_BYTES_MOST ((size_t)1 << 30)

// All zero is an empty text. Once memory is short, nothing is added any more.
struct stats_text {
	char *bytes; // malloc's; not ended by a zero
	size_t length;
	size_t room;
	bool is_short;
};

void stats_text_add(struct stats_text *text, const char *bytes, size_t length);
void stats_text_add_string(struct stats_text *text, const char *string);
// At most 1024 bytes at a time.
void stats_text_print(struct stats_text *text, const char *format, ...) base_printf(2, 3);
void stats_text_fini(struct stats_text *text);
