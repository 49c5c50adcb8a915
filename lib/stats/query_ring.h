// SPDX-License-Identifier: BSD-3-Clause
// Records on their way from the lcore that makes them to the management lcore. The one never waits:
// when the ring is full, there is no place, and the record is not made.
#pragma once

#include "stats/query_record.h"

struct query_ring;

// Of `count` records, a power of two. NULL with errno ENOMEM.
struct query_ring *query_ring_create(uint32_t count);
void query_ring_destroy(struct query_ring *ring);

// The producer's: a place for the next record, NULL when the ring is full. What is in it comes to the
// consumer by the push, and without one is as if it had never been.
struct query_record *query_ring_place(struct query_ring *ring);
void query_ring_push(struct query_ring *ring);

// The consumer's: the oldest record, NULL when there is none; it stays until the pop.
const struct query_record *query_ring_first(struct query_ring *ring);
void query_ring_pop(struct query_ring *ring);
