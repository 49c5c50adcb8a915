// SPDX-License-Identifier: BSD-3-Clause
#include "processor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// A line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, and what is counted
// twice. What the hypervisor took is neither busy nor idle.
void processor_read(int cpu, struct processor_time *time)
{
	char line[512], name[16];
	FILE *file = fopen("/proc/stat", "r");
	uint64_t user, nice, system, idle, wait, interrupts, softirqs;

	*time = (struct processor_time){0};
	snprintf(name, sizeof(name), "cpu%d ", cpu);
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, strlen(name)) != 0 ||
			sscanf(line + strlen(name),
				"%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
				" %" SCNu64 " %" SCNu64,
				&user, &nice, &system, &idle, &wait, &interrupts, &softirqs) != 7)
			continue;
		time->busy = user + nice + system + interrupts + softirqs;
		time->idle = idle + wait;
	}
	if (file)
		fclose(file);
}

double processor_busy(const struct processor_time *before, const struct processor_time *after)
{
	uint64_t busy = after->busy - before->busy, idle = after->idle - before->idle;

	return busy + idle ? (double)busy / (double)(busy + idle) : 0;
}

uint64_t processor_thread_time(pid_t thread)
{
	char path[64];
	uint64_t time = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", thread);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%" SCNu64, &time) != 1)
		time = 0;
	fclose(file);
	return time;
}
