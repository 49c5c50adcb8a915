// SPDX-License-Identifier: BSD-3-Clause
// Threads that play worker lcores in a benchmark without EAL: one a CPU of those that the process
// may use. Whatever fails ends the program.
#pragma once

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/clock.h"

// Written by the main thread.
enum worker_thread_phase {
	WORKER_THREAD_WAITS, // for the others; it may work, which is not counted
	WORKER_THREAD_WORKS,
	WORKER_THREAD_ENDS,
};

struct worker_thread {
	pthread_t thread;
	cpu_set_t cpu;
	void (*run)(void *argument);
	void *argument;
	bool is_ready; // written by the thread
};

_Noreturn void worker_thread_die(const char *what);

// The CPUs that the process may use; ends the program when they are fewer than `least`.
void worker_cpus_find(cpu_set_t *cpus, int least);

// The calling thread runs on the `number`-th of the CPUs from now on, or on any.
void worker_thread_pin(const cpu_set_t *cpus, int number);
void worker_thread_unpin(const cpu_set_t *cpus);

// Returns once the thread, on the `number`-th CPU, has called worker_thread_is_ready().
void worker_thread_start(struct worker_thread *worker, const cpu_set_t *cpus, int number,
	void (*run)(void *argument), void *argument);
void worker_thread_is_ready(struct worker_thread *worker);
void worker_thread_join(struct worker_thread *worker);

// The calling thread goes before those of other programs, the manager's before the workers', or
// back to where everyone is; nothing happens to who may not. Not for longer than most of a
// second: the kernel then stops it.
void worker_thread_hurry(void);
void worker_thread_hurry_as_manager(void);
void worker_thread_hurry_no_more(void);

void worker_thread_sleep(uint64_t nanoseconds);

// Nanoseconds that the calling thread has had a CPU.
uint64_t worker_thread_cpu_time(void);
