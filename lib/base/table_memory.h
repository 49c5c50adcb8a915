// SPDX-License-Identifier: BSD-3-Clause
// Memory for large tables that are read at random: at least on cache lines, and from 2 MiB up on
// huge pages where the kernel gives them (madvise), since a table of tens of megabytes on small
// pages costs a walk of the page tables for nearly every line.
#pragma once

#include <stddef.h>

#define TABLE_MEMORY_ANY_NODE (-1)

// Not cleared; to be given back with free(). NULL with errno ENOMEM.
void *table_memory_allocate(size_t bytes);

// Zeros, on pages of their own, already there, so that no first use of a page costs a fault; on the
// NUMA node asked for as far as it has memory left. NULL with errno ENOMEM.
void *table_memory_map(size_t bytes, int node);
void table_memory_unmap(void *memory, size_t bytes);
