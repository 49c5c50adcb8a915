// SPDX-License-Identifier: BSD-3-Clause
// Who writes which cache lines: between store_trace_begin() and store_trace_end() all memory that
// the program may write, but the stack, is read-only. Each store faults, is counted for its line,
// and is done in a single step. What is seen is what the program really does on the memory that
// its allocator really gave it; a store costs some microseconds. x86-64 and one thread only.
//
// Not traced are the program's own file-scope variables (the libraries have none) and those of
// the C library, and thread-local ones, which are each thread's own.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define STORE_TRACE_ACTORS 3

struct store_trace_line {
	uintptr_t address; // 0: unused
	uint32_t stores[STORE_TRACE_ACTORS];
};

// All memory has been allocated, but for a few small pieces. Whatever fails ends the program.
void store_trace_open(void);

// What is stored until the end is `actor`'s, below STORE_TRACE_ACTORS.
void store_trace_begin(unsigned int actor);
void store_trace_end(void);

// Forgets all that was stored.
void store_trace_clear(void);

// The next line that somebody has written, from *position on (0 at first); NULL behind the last.
const struct store_trace_line *store_trace_next(size_t *position);

// NULL when nobody has written to it.
const struct store_trace_line *store_trace_find(uintptr_t address);
