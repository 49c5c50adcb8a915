// SPDX-License-Identifier: BSD-3-Clause
#include "real_time.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

int real_time_wait(pid_t *thread)
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

int real_time_begin(pid_t thread)
{
	return set_policy(thread, SCHED_FIFO, 1);
}

int real_time_end(pid_t thread)
{
	return set_policy(thread, SCHED_OTHER, 0);
}
