// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "base/log.h"
#include "client.h"
#include "kernel_part.h"
#include "options.h"
#include "processor.h"
#include "report.h"

#define STATUS_NOT_CLEAN 2 // something was lost, failed or wrong
#define PATIENCE (2 * CLOCK_SECOND)
#define STEP (10 * CLOCK_MILLISECOND)
#define PACE (500 * CLOCK_MICROSECOND)
#define PROBE (100 * CLOCK_MILLISECOND)
#define PROBES_MOST 200

static volatile sig_atomic_t is_ending;

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

static void sleep_for(uint64_t nanoseconds)
{
	const struct timespec time = {.tv_sec = (time_t)(nanoseconds / CLOCK_SECOND),
		.tv_nsec = (long)(nanoseconds % CLOCK_SECOND)};

	nanosleep(&time, NULL);
}

// One query at a time until one is answered: the forwarder may be starting.
static int wait_for_forwarder(struct client *client)
{
	struct load_counters *counters = &client->state->counters;

	for (int i = 0; i < PROBES_MOST && !is_ending; i++) {
		int error = client_ask(client, 1, clock_now());

		if (error)
			return error;
		sleep_for(PROBE);
		client_give_up(client, 1, clock_now());
		if (base_load(&counters->answered)) {
			*counters = (struct load_counters){0};
			client->lost = 0;
			return 0;
		}
	}
	log_error("nothing came back within %d s", PROBES_MOST / 10);
	return is_ending ? -EINTR : -ETIMEDOUT;
}

// What was lost is asked anew, or there would be less and less in flight.
static int run_for(struct client *client, const struct options *options, uint32_t milliseconds)
{
	uint64_t until = clock_now() + milliseconds * CLOCK_MILLISECOND;
	uint64_t now;

	while ((now = clock_now()) < until && !is_ending) {
		int error = client_ask_again(client, options->window, now - PATIENCE, now);

		if (error)
			return error;
		sleep_for(until - now < STEP ? until - now : STEP);
	}
	return is_ending ? -EINTR : 0;
}

// At a set rate, whatever comes back.
static int run_at_rate(struct client *client, const struct options *options, uint32_t milliseconds)
{
	uint64_t start = clock_now();
	uint64_t until = start + milliseconds * CLOCK_MILLISECOND;
	uint64_t now = start;
	uint64_t asked = 0;
	int error = 0;

	while (now < until && !is_ending && !error) {
		uint64_t due = (now - start) / CLOCK_MICROSECOND * options->rate / 1000000;

		client_give_up(client, options->window, now - PATIENCE);
		for (; asked < due && !error; asked++)
			error = client_ask_one(client, options->window, clock_now());
		sleep_for(PACE);
		now = clock_now();
	}
	return is_ending ? -EINTR : error;
}

static int run_load(struct client *client, const struct options *options, uint32_t milliseconds)
{
	return options->rate ? run_at_rate(client, options, milliseconds)
			     : run_for(client, options, milliseconds);
}

static int measure(struct client *client, const struct kernel_part *part,
	const struct options *options, struct report *report)
{
	struct load_state *state = client->state;
	struct processor_time before, after;
	uint64_t answered, began, run;
	int error;

	processor_read(options->forwarder_cpu, &before);
	run = processor_thread_time(part->thread);
	answered = base_load(&state->counters.answered);
	began = clock_now();
	base_store(&state->is_measuring, 1);
	error = run_load(client, options, options->time);
	base_store(&state->is_measuring, 0);
	report->queries = (double)(base_load(&state->counters.answered) - answered);
	report->seconds = (double)(clock_now() - began) / 1e9;
	report->load_busy =
		(double)(processor_thread_time(part->thread) - run) / 1e9 / report->seconds;
	processor_read(options->forwarder_cpu, &after);
	report->forwarder_busy = processor_busy(&before, &after);
	return error;
}

static int set_real_time(const struct kernel_part *part)
{
	struct sched_param load = {.sched_priority = 2}, ours = {.sched_priority = 3};

	return sched_setscheduler(part->thread, SCHED_FIFO, &load) ||
			       sched_setscheduler(0, SCHED_FIFO, &ours)
		       ? -errno
		       : 0;
}

static int load(struct client *client, const struct kernel_part *part,
	const struct options *options, struct report *report)
{
	struct load_state *state = client->state;
	int error = wait_for_forwarder(client);

	base_store(&state->is_asking, !options->rate);
	if (!error && !options->rate)
		error = client_ask(client, options->window, clock_now());
	if (!error)
		error = run_load(client, options, options->warm_up);
	if (!error)
		error = measure(client, part, options, report);
	base_store(&state->is_asking, 0);
	for (uint64_t waited = 0;
		!error && waited < PATIENCE && client_in_flight(client, options->window);
		waited += STEP)
		sleep_for(STEP);
	client_give_up(client, options->window, UINT64_MAX);
	report->lost = client->lost;
	return error;
}

static int run(struct kernel_part *part, const struct options *options)
{
	struct report report = {.state = part->state};
	struct client client;
	int error = client_open(&client, part->state, options);

	if (!error && options->is_real_time)
		error = set_real_time(part);
	if (!error && options->is_upstream_only) {
		log_info("ready");
		while (!is_ending)
			sleep_for(STEP);
	} else if (!error) {
		error = load(&client, part, options, &report);
		if (error)
			log_error("%s", strerror(-error));
		else
			error = report_write(&report, options->json);
	}
	client_close(&client);
	if (error)
		return 1;
	return report.lost || part->state->counters.wrong || part->state->counters.failed
		       ? STATUS_NOT_CLEAN
		       : 0;
}

int main(int argc, char *argv[])
{
	const struct sigaction action = {.sa_handler = end};
	struct kernel_part part;
	struct options options;
	int status;

	if (sigaction(SIGINT, &action, NULL) || sigaction(SIGTERM, &action, NULL) ||
		options_parse(&options, argc, argv) ||
		kernel_part_open(&part, options.interface, options.cpu))
		return 1;
	status = run(&part, &options);
	kernel_part_close(&part);
	return status;
}
