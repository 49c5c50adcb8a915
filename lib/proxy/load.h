// SPDX-License-Identifier: BSD-3-Clause
// What one lcore knows of how an upstream fares: how much it has, how long it takes, and how often it
// failed. Written by the owner alone; telemetry reads it.
#pragma once

#include <stdint.h>

#include "base/atomic.h"

struct proxy_load {
	uint32_t in_flight; // attempts on their way, by datagram or over a stream
	uint32_t round_trip; // decayed average, in 1024 ns; 0: nothing is known yet
	uint32_t changed_at; // when it last answered, failed or was tried again; in 2^20 ns
	uint32_t failures; // attempts that failed since one was answered
};

static inline uint32_t proxy_load_time(uint64_t now)
{
	return (uint32_t)(now >> 20);
}

static inline void proxy_load_begin(struct proxy_load *load)
{
	base_store(&load->in_flight, load->in_flight + 1);
}

static inline void proxy_load_end(struct proxy_load *load)
{
	base_store(&load->in_flight, load->in_flight - 1);
}

// What is known is worth half after each second, so that who was slow is tried again.
static inline uint32_t proxy_load_round_trip(const struct proxy_load *load, uint64_t now)
{
	uint32_t seconds = (proxy_load_time(now) - load->changed_at) >> 10;

	return load->round_trip >> (seconds < 31 ? seconds : 31);
}

// An attempt took so long: an eighth of it counts, and what was known for the rest.
static inline void proxy_load_measure(struct proxy_load *load, uint64_t took, uint64_t now)
{
	int64_t sample = (int64_t)(took >> 10);
	int64_t average = load->round_trip ? proxy_load_round_trip(load, now) : sample;

	average += (sample - average) >> 3;
	base_store(&load->round_trip, average > 0 ? (uint32_t)average : 1);
	load->changed_at = proxy_load_time(now);
}

static inline void proxy_load_answered(struct proxy_load *load, uint64_t took, uint64_t now)
{
	proxy_load_measure(load, took, now);
	base_store(&load->failures, 0);
}

// However fast it failed, that shall draw nobody there: it counts as if it had taken all its time.
static inline void proxy_load_failed(struct proxy_load *load, uint64_t read_timeout, uint64_t now)
{
	proxy_load_measure(load, read_timeout, now);
	base_store(&load->failures, load->failures + 1);
}
