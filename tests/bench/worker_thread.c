// SPDX-License-Identifier: BSD-3-Clause
#include "worker_thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void worker_thread_die(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

void worker_cpus_find(cpu_set_t *cpus, int least)
{
	if (sched_getaffinity(0, sizeof(*cpus), cpus) || CPU_COUNT(cpus) < least)
		worker_thread_die("too few CPUs");
}

static cpu_set_t only_cpu(const cpu_set_t *cpus, int number)
{
	cpu_set_t only;
	int cpu = 0;

	while (!CPU_ISSET(cpu, cpus) || number-- > 0)
		cpu++;
	CPU_ZERO(&only);
	CPU_SET(cpu, &only);
	return only;
}

void worker_thread_unpin(const cpu_set_t *cpus)
{
	if (sched_setaffinity(0, sizeof(*cpus), cpus))
		worker_thread_die("a thread can not be bound to a CPU");
}

void worker_thread_pin(const cpu_set_t *cpus, int number)
{
	cpu_set_t only = only_cpu(cpus, number);

	worker_thread_unpin(&only);
}

static void *thread_main(void *argument)
{
	struct worker_thread *worker = argument;

	worker_thread_unpin(&worker->cpu);
	worker->run(worker->argument);
	return NULL;
}

void worker_thread_start(struct worker_thread *worker, const cpu_set_t *cpus, int number,
	void (*run)(void *argument), void *argument)
{
	*worker = (struct worker_thread){
		.cpu = only_cpu(cpus, number),
		.run = run,
		.argument = argument,
	};
	if (pthread_create(&worker->thread, NULL, thread_main, worker))
		worker_thread_die("no thread");
	while (!base_load_acquire(&worker->is_ready))
		worker_thread_sleep(CLOCK_MILLISECOND / 10);
}

void worker_thread_is_ready(struct worker_thread *worker)
{
	base_store_release(&worker->is_ready, true);
}

void worker_thread_join(struct worker_thread *worker)
{
	if (pthread_join(worker->thread, NULL))
		worker_thread_die("a thread is lost");
}

static void set_priority(int policy, int priority)
{
	const struct sched_param parameters = {.sched_priority = priority};

	if (sched_setscheduler(0, policy, &parameters) && errno != EPERM)
		worker_thread_die("a thread can not be given a priority");
}

void worker_thread_hurry(void)
{
	set_priority(SCHED_FIFO, 1);
}

void worker_thread_hurry_as_manager(void)
{
	set_priority(SCHED_FIFO, 2);
}

void worker_thread_hurry_no_more(void)
{
	set_priority(SCHED_OTHER, 0);
}

void worker_thread_sleep(uint64_t nanoseconds)
{
	const struct timespec time = {
		.tv_sec = (time_t)(nanoseconds / CLOCK_SECOND),
		.tv_nsec = (long)(nanoseconds % CLOCK_SECOND),
	};

	(void)nanosleep(&time, NULL);
}

uint64_t worker_thread_cpu_time(void)
{
	struct timespec time;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time))
		worker_thread_die("no clock of the CPU");
	return (uint64_t)time.tv_sec * CLOCK_SECOND + (uint64_t)time.tv_nsec;
}
