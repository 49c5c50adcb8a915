// SPDX-License-Identifier: BSD-3-Clause
// Loads and stores of fields that another lcore reads or writes. Every such field has one
// writer, named where the field is declared, so no read-modify-write is offered here.
#pragma once

// A value that carries nothing but itself (counters, marks, clocks).
#define base_load(pointer) __atomic_load_n((pointer), __ATOMIC_RELAXED)
#define base_store(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELAXED)

// A value that says that other memory is ready to be read.
#define base_load_acquire(pointer) __atomic_load_n((pointer), __ATOMIC_ACQUIRE)
#define base_store_release(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELEASE)
