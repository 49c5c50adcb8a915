// SPDX-License-Identifier: BSD-3-Clause
// What a CPU and a thread did, as the kernel counts it.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// In clock ticks.
struct processor_time {
	uint64_t busy; // processes, kernel, interrupts
	uint64_t idle;
};

// All zero where the kernel does not tell.
void processor_read(int cpu, struct processor_time *time);

// The share of the time in between that the CPU was busy; 0 to 1.
double processor_busy(const struct processor_time *before, const struct processor_time *after);

// Nanoseconds that a thread has run; 0 where the kernel does not tell.
uint64_t processor_thread_time(pid_t thread);
