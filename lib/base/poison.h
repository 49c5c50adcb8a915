// SPDX-License-Identifier: BSD-3-Clause
// Memory that nobody may use any more: under AddressSanitizer whoever still touches it is
// reported, as if it had been given back to the heap.
#pragma once

#include <stddef.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static inline void base_poison(const volatile void *memory, size_t length)
{
	__asan_poison_memory_region(memory, length);
}

static inline void base_unpoison(const volatile void *memory, size_t length)
{
	__asan_unpoison_memory_region(memory, length);
}
#else
static inline void base_poison(const volatile void *memory, size_t length)
{
	(void)memory;
	(void)length;
}

static inline void base_unpoison(const volatile void *memory, size_t length)
{
	(void)memory;
	(void)length;
}
#endif
