// SPDX-License-Identifier: BSD-3-Clause
#include "base/table_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/compiler.h"

#define HUGE_PAGE ((size_t)2 << 20)

void *table_memory_allocate(size_t bytes)
{
	size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : BASE_CACHE_LINE;
	void *memory = NULL;
	int error = posix_memalign(&memory, alignment, bytes ? bytes : 1);

	if (error) {
		errno = error;
		return NULL;
	}
	// Whole pages only; the rest, and a kernel without huge pages, work as they are.
	if (bytes >= HUGE_PAGE)
		(void)madvise(memory, bytes & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
	return memory;
}
