// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "machine.h"
#include "report.h"

#define STATUS_NOT_CLEAN 2 // something was lost, failed or wrong
// The kernel keeps a twentieth of each second for those who are not before all others.
#define REST_SHARE 8
#define REST_LEAST_US UINT64_C(10000)

static volatile sig_atomic_t is_ending;

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

// What comes late, after attempts anew, is to be seen too, but hurries nobody.
static void wait_for_late_ones(struct generator *generator, struct report *report)
{
	struct client_counters sum = report_sum(report);
	struct client *client = &generator->client;
	uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000 * generator->options.patience;
	struct window *last = &report->windows[report->count - 1];
	uint64_t late = sum.late - last->counters.late;

	while (late + client->counters.late < sum.lost && rte_rdtsc() < until && !is_ending)
		generator_run_for(generator, rte_get_tsc_hz() / 1000);
	last->counters.late = client->counters.late;
}

static int measure_in_real_time(
	struct window *window, struct generator *generator, struct histogram *all, pid_t thread)
{
	uint64_t began = rte_rdtsc(), microseconds;
	int error = machine_real_time_begin(thread);

	if (error)
		return error;
	window_measure(window, generator, all);
	error = machine_real_time_end(thread);
	microseconds = (rte_rdtsc() - began) * 1000000 / rte_get_tsc_hz();
	rte_delay_us_sleep((unsigned int)RTE_MAX(microseconds / REST_SHARE, REST_LEAST_US));
	return error;
}

static int measure_windows(struct generator *generator, struct report *report, pid_t thread)
{
	const struct options *options = &generator->options;
	int error = 0;

	for (; report->count < options->windows && !error && !is_ending; report->count++) {
		struct window *window = &report->windows[report->count];

		if (options->is_real_time)
			error = measure_in_real_time(window, generator, &report->latency, thread);
		else
			window_measure(window, generator, &report->latency);
	}
	return error;
}

static int run(struct generator *generator, struct report *report)
{
	struct client_counters sum;
	pid_t thread = 0;
	int error = 0;

	report->generator = generator;
	if (generator->options.is_real_time)
		error = machine_real_time_wait(&thread);
	if (!error)
		error = generator_wait_for_forwarder(generator);
	if (!error)
		generator_fill(generator);
	if (!error)
		error = measure_windows(generator, report, thread);
	if (error)
		return error;
	wait_for_late_ones(generator, report);
	error = report_write(report);
	if (error || is_ending)
		return error ? error : -EINTR;
	sum = report_sum(report);
	return sum.failed || sum.wrong || sum.lost || generator->circulation.wrong
		       ? STATUS_NOT_CLEAN
		       : 0;
}

// Until a signal comes.
static void stay(void)
{
	while (!is_ending)
		rte_delay_us_sleep(10000);
}

static int open_and_run(struct generator *generator)
{
	struct report *report = calloc(1, sizeof(*report));
	int status = report ? generator_open(generator) : -ENOMEM;

	if (status == 0)
		status = run(generator, report);
	if (status >= 0 && generator->options.stays)
		stay();
	if (report)
		generator_close(generator);
	free(report);
	return status;
}

int main(int argc, char *argv[])
{
	struct generator *generator = calloc(1, sizeof(*generator));
	// A read that waits ends too.
	const struct sigaction action = {.sa_handler = end};
	int used, status;

	if (!generator || sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL))
		return 1;
	used = rte_eal_init(argc, argv);
	if (used < 0) {
		log_error("EAL does not start: %s", rte_strerror(rte_errno));
		free(generator);
		return 1;
	}
	generator->is_ending = &is_ending;
	status = options_parse(&generator->options, argc - used, argv + used);
	if (status == 0)
		status = open_and_run(generator);
	free(generator);
	rte_eal_cleanup();
	return status < 0 ? 1 : status;
}
