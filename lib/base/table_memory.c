// SPDX-License-Identifier: BSD-3-Clause
#include "base/table_memory.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/compiler.h"

#define HUGE_PAGE ((size_t)2 << 20)
#define SMALL_PAGE ((size_t)4096)
#define NODE_BITS (8 * sizeof(unsigned long))
#define NODES_MOST 1024

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

static size_t in_pages(size_t bytes)
{
	return bytes ? (bytes + SMALL_PAGE - 1) & ~(SMALL_PAGE - 1) : SMALL_PAGE;
}

// A kernel without NUMA, or a node that is not there, leaves the memory where it comes to be.
static void prefer_node(void *memory, size_t bytes, int node)
{
	unsigned long mask[NODES_MOST / NODE_BITS] = {0};

	if (node < 0 || node >= NODES_MOST)
		return;
	mask[(size_t)node / NODE_BITS] = 1UL << (size_t)node % NODE_BITS;
	(void)syscall(SYS_mbind, memory, bytes, MPOL_PREFERRED, mask, NODES_MOST + 1, 0);
}

// Pages aligned to huge ones when there are enough for one; MAP_FAILED.
static uint8_t *map_aligned(size_t bytes)
{
	size_t extra = bytes >= HUGE_PAGE ? HUGE_PAGE : 0;
	uint8_t *memory = mmap(
		NULL, bytes + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (memory == MAP_FAILED || !extra)
		return memory;
	before = -(uintptr_t)memory & (HUGE_PAGE - 1);
	if (before)
		(void)munmap(memory, before);
	if (extra > before)
		(void)munmap(memory + before + bytes, extra - before);
	return memory + before;
}

void *table_memory_map(size_t bytes, int node)
{
	size_t whole = in_pages(bytes);
	uint8_t *memory = map_aligned(whole);

	if (memory == MAP_FAILED) {
		errno = ENOMEM;
		return NULL;
	}
	prefer_node(memory, whole, node);
	if (whole >= HUGE_PAGE)
		(void)madvise(memory, whole, MADV_HUGEPAGE);
	// A kernel before 5.14 does not know the advice: then pages come at their first use.
	if (madvise(memory, whole, MADV_POPULATE_WRITE) && (errno == ENOMEM || errno == EFAULT)) {
		(void)munmap(memory, whole);
		errno = ENOMEM;
		return NULL;
	}
	return memory;
}

void table_memory_unmap(void *memory, size_t bytes)
{
	if (memory)
		(void)munmap(memory, in_pages(bytes));
}
