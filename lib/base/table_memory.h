// SPDX-License-Identifier: BSD-3-Clause
// Memory that one lcore writes, large or small: whole pairs of cache lines, which CPUs fetch
// together, so that no other lcore's writes ever take a line of it away. From 2 MiB up on huge
// pages where the kernel gives them (madvise), since a table of tens of megabytes that is read at
// random costs a walk of the page tables for nearly every line on small pages.
#pragma once

#include <stddef.h>

#define TABLE_MEMORY_ANY_NODE (-1)

// To be given back with free(). NULL with errno ENOMEM.
void *table_memory_allocate(size_t bytes); // not cleared
void *table_memory_allocate_zeroed(size_t bytes);

// Zeros, on pages of their own, already there, so that no first use of a page costs a fault; on the
// NUMA node asked for as far as it has memory left. NULL with errno ENOMEM.
void *table_memory_map(size_t bytes, int node);
void table_memory_unmap(void *memory, size_t bytes);
