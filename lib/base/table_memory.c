// SPDX-License-Identifier: BSD-3-Clause
#include "base/table_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/compiler.h"

#define HUGE_PAGE ((size_t)2 << 20)

// How many bytes are taken, so that the last pair of lines is nobody else's. AddressSanitizer
// keeps pieces apart by itself, and sees a step behind what was asked for.
static size_t whole_pairs(size_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
	return bytes ? bytes : 1;
#else
	size_t mask = BASE_CACHE_LINE_PAIR - 1;

	return bytes ? (bytes + mask) & ~mask : BASE_CACHE_LINE_PAIR;
#endif
}

void *table_memory_allocate(size_t bytes)
{
	size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : BASE_CACHE_LINE_PAIR;
	void *memory = NULL;
	int error = posix_memalign(&memory, alignment, whole_pairs(bytes));

	if (error) {
		errno = error;
		return NULL;
	}
	// Whole pages only; the rest, and a kernel without huge pages, work as they are.
	if (bytes >= HUGE_PAGE)
		(void)madvise(memory, bytes & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
	return memory;
}

void *table_memory_allocate_zeroed(size_t bytes)
{
	void *memory = table_memory_allocate(bytes);

	return memory ? memset(memory, 0, bytes) : NULL;
}
