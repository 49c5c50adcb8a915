// SPDX-License-Identifier: BSD-3-Clause
// Memory for large tables that are read at random: at least on cache lines, and from 2 MiB up on
// huge pages where the kernel gives them (madvise), since a table of tens of megabytes on small
// pages costs a walk of the page tables for nearly every line.
#pragma once

#include <stddef.h>

// Not cleared; to be given back with free(). NULL with errno ENOMEM.
void *table_memory_allocate(size_t bytes);
