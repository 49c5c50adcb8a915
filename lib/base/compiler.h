// SPDX-License-Identifier: BSD-3-Clause
// What the compiler needs to be told, in one place.
#pragma once

#include <stddef.h>

#define BASE_CACHE_LINE 64
#define BASE_CACHE_LINE_PAIR 128 // aligned; CPUs fetch the other of a pair along

#define base_likely(condition) __builtin_expect(!!(condition), 1)
#define base_unlikely(condition) __builtin_expect(!!(condition), 0)
#define base_aligned(bytes) __attribute__((aligned(bytes)))
#define base_printf(text, first) __attribute__((format(printf, text, first)))
#define base_always_inline inline __attribute__((always_inline))
#define base_must_check __attribute__((warn_unused_result))
#define BASE_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

// The statement without an instruction keeps its function from being one without effect: the compiler
// leaves out calls of those, and with them what they fetch ahead.
static inline void base_prefetch(const void *address)
{
	__builtin_prefetch(address, 0, 3);
	__asm__ volatile("");
}

static inline void base_prefetch_write(const void *address)
{
	__builtin_prefetch(address, 1, 3);
	__asm__ volatile("");
}
