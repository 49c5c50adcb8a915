// SPDX-License-Identifier: BSD-3-Clause
#include "machine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

int machine_real_time_wait(pid_t *thread)
{
	if (scanf("%d", thread) == 1 && *thread > 0)
		return 0;
	log_error("--real-time: no thread id on standard input");
	return -EINVAL;
}

static int set_policy(pid_t thread, int policy, int priority)
{
	struct sched_param parameters = {.sched_priority = priority};
	int error;

	if (sched_setscheduler(thread, policy, &parameters) == 0 &&
		sched_setscheduler(0, policy, &parameters) == 0)
		return 0;
	error = errno;
	log_error("--real-time: %s", strerror(error));
	return -error;
}

int machine_real_time_begin(pid_t thread)
{
	return set_policy(thread, SCHED_FIFO, 1);
}

int machine_real_time_end(pid_t thread)
{
	return set_policy(thread, SCHED_OTHER, 0);
}

uint64_t machine_stolen_milliseconds(void)
{
	// The first line is the sum of all CPUs, the eighth number is what was stolen (proc(5)).
	FILE *file = fopen("/proc/stat", "r");
	long ticks = sysconf(_SC_CLK_TCK);
	unsigned long long stolen = 0;

	if (!file)
		return 0;
	if (fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &stolen) != 1)
		stolen = 0;
	fclose(file);
	return ticks > 0 ? stolen * 1000 / (unsigned long)ticks : 0;
}
