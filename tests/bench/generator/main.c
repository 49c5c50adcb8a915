// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/log.h"
#include "client.h"
#include "real_time.h"
#include "report.h"
#include "upstream.h"
#include "yardstick.h"

#define STATUS_NOT_CLEAN 2 // something was lost, failed or wrong
#define PROBE_MOST_SECONDS 20
#define EXPIRED_A_STEP 4
#define DRAIN_MILLISECONDS 20 // in which most of what is in flight comes back

static volatile sig_atomic_t is_ending;

struct generator {
	struct options options;
	struct frame_template template;
	struct link link;
	struct client client;
	struct upstream upstream;
	struct yardstick yardstick;
	bool client_sends;
	uint64_t idle_cycles; // in steps that moved nothing
	uint64_t in_flight_sum; // over the steps counted in
	uint64_t steps;
	uint64_t last_step; // when it began
	uint64_t longest_pause; // between two, in cycles
};

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

// Frames to the clients and to the upstreams are told apart by their port.
static uint16_t receive(struct generator *generator, uint64_t now)
{
	struct rte_mbuf *frames[LINK_BURST], *answers[LINK_BURST], *others[LINK_BURST];
	uint16_t count = link_receive(&generator->link, frames);
	uint16_t answer_count = 0, other_count = 0;

	for (uint16_t i = 0; i < count; i++)
		base_prefetch(rte_pktmbuf_mtod(frames[i], void *));
	for (uint16_t i = 0; i < count; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(frames[i], const uint8_t *);

		if (base_unlikely(!frames_is_udp(data, frames[i]->data_len)))
			others[other_count++] = frames[i];
		else if (frames_is_to_upstream(data))
			upstream_receive(&generator->upstream, frames[i], now);
		else
			answers[answer_count++] = frames[i];
	}
	client_receive(&generator->client, answers, answer_count, now);
	rte_pktmbuf_free_bulk(answers, answer_count);
	rte_pktmbuf_free_bulk(others, other_count);
	return count;
}

static void step(struct generator *generator)
{
	uint64_t now = rte_rdtsc();
	uint16_t moved;

	if (now - generator->last_step > generator->longest_pause)
		generator->longest_pause = now - generator->last_step;
	generator->last_step = now;
	if (generator->options.is_yardstick) {
		moved = yardstick_step(&generator->yardstick, &generator->link);
	} else {
		moved = receive(generator, now);
		moved += upstream_send(&generator->upstream, &generator->link, now);
		if (generator->client_sends)
			moved += client_send(&generator->client, &generator->link, now);
		client_expire(&generator->client, EXPIRED_A_STEP, now);
		link_flush(&generator->link);
	}
	if (!moved)
		generator->idle_cycles += rte_rdtsc() - now;
	generator->in_flight_sum += generator->client.in_flight;
	generator->steps++;
}

static void run_for(struct generator *generator, uint32_t milliseconds)
{
	uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000 * milliseconds;

	while (rte_rdtsc() < until && !is_ending)
		step(generator);
}

static bool is_answered(const struct generator *generator)
{
	return generator->options.is_yardstick ? generator->yardstick.turned > 0
					       : generator->client.counters.answered > 0;
}

// One query at a time until one is answered: the forwarder may be starting.
static int wait_for_forwarder(struct generator *generator)
{
	struct client *client = &generator->client;
	uint32_t turn = 100 + 2 * generator->options.delay / 1000;

	for (int i = 0; i < PROBE_MOST_SECONDS * 10 && !is_answered(generator); i++) {
		if (is_ending)
			return -EINTR;
		if (!generator->options.is_yardstick) {
			client_give_up(client);
			client_probe(client, &generator->link, rte_rdtsc());
		}
		run_for(generator, turn);
	}
	if (!is_answered(generator)) {
		log_error("nothing came back within %d s", PROBE_MOST_SECONDS);
		return -ETIMEDOUT;
	}
	client_give_up(client);
	client->counters = (struct client_counters){0};
	generator->upstream.answered = 0;
	generator->upstream.strange = 0;
	return 0;
}

static uint64_t count_done(const struct generator *generator)
{
	return generator->options.is_yardstick ? generator->yardstick.turned
					       : generator->client.counters.answered;
}

static void measure(struct generator *generator, struct report *report)
{
	uint64_t began = rte_rdtsc(), done = count_done(generator), cycles;

	generator->idle_cycles = 0;
	generator->in_flight_sum = 0;
	generator->steps = 0;
	generator->link.held_back = 0;
	generator->client.is_measuring = true;
	run_for(generator, generator->options.time);
	generator->client.is_measuring = false;
	cycles = rte_rdtsc() - began;
	report->cycles_per_second = (double)rte_get_tsc_hz();
	report->seconds = (double)cycles / report->cycles_per_second;
	report->per_second = (double)(count_done(generator) - done) / report->seconds;
	report->idle_share = (double)generator->idle_cycles / (double)cycles;
	report->in_flight = (double)generator->in_flight_sum / (double)generator->steps;
	report->held_back = generator->link.held_back;
}

static void drain(struct generator *generator)
{
	uint64_t until =
		rte_rdtsc() + rte_get_tsc_hz() / 1000 * (generator->options.patience + 1000);

	while (generator->client.in_flight && rte_rdtsc() < until && !is_ending)
		step(generator);
	client_give_up(&generator->client);
}

// From the first query to the last answer. What comes while another thread has the core is lost
// for want of room, so that the longest pause counts over all of it.
static void load(struct generator *generator, struct report *report)
{
	uint64_t now = rte_rdtsc();

	generator->last_step = now;
	generator->longest_pause = 0;
	generator->client_sends = true;
	client_start(&generator->client, now);
	run_for(generator, generator->options.warm_up);
	measure(generator, report);
	if (!generator->options.is_yardstick) {
		report->latency = &generator->client.latency;
		generator->client_sends = false;
		run_for(generator, 2 * generator->options.delay / 1000 + DRAIN_MILLISECONDS);
	}
	report->longest_pause = (double)generator->longest_pause / report->cycles_per_second;
}

static int load_in_real_time(struct generator *generator, struct report *report)
{
	pid_t thread;
	int error = real_time_wait(&thread);

	if (!error)
		error = wait_for_forwarder(generator);
	if (!error)
		error = real_time_begin(thread);
	if (error)
		return error;
	load(generator, report);
	return real_time_end(thread);
}

static int run(struct generator *generator)
{
	struct report report = {.path = generator->options.json};
	const struct client_counters *counters = &generator->client.counters;
	int error;

	if (generator->options.is_real_time) {
		error = load_in_real_time(generator, &report);
	} else {
		error = wait_for_forwarder(generator);
		if (!error)
			load(generator, &report);
	}
	if (error)
		return error;
	drain(generator);
	report.sent = counters->sent;
	report.answered = counters->answered;
	report.failed = counters->failed;
	report.wrong = counters->wrong + generator->yardstick.wrong;
	report.late = counters->late;
	report.lost = counters->lost;
	report.upstream_answers = generator->upstream.answered;
	report.upstream_strange = generator->upstream.strange;
	error = report_write(&report);
	if (error || is_ending)
		return error ? error : -EINTR;
	return report.failed || report.wrong || report.lost ? STATUS_NOT_CLEAN : 0;
}

// Until a signal comes.
static void stay(void)
{
	while (!is_ending)
		rte_delay_us_sleep(10000);
}

static int open_and_run(struct generator *generator)
{
	const struct options *options = &generator->options;
	// All in flight, and attempts that were given up, which are answered all the same.
	uint32_t frames = options->window + options->window / 4;
	int status;

	frames_make_template(&generator->template, options);
	yardstick_init(&generator->yardstick, options, &generator->template);
	status = upstream_init(&generator->upstream, options, &generator->template, frames);
	if (status == 0)
		status =
			client_init(&generator->client, options, &generator->template, rte_rdtsc());
	if (status)
		log_error("no memory for %u queries", options->window);
	if (status == 0)
		status = link_open(&generator->link, options, frames);
	if (status == 0)
		status = run(generator);
	if (status >= 0 && options->stays)
		stay();
	yardstick_fini(&generator->yardstick);
	client_fini(&generator->client);
	upstream_fini(&generator->upstream);
	link_close(&generator->link);
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
	status = options_parse(&generator->options, argc - used, argv + used);
	if (status == 0)
		status = open_and_run(generator);
	free(generator);
	rte_eal_cleanup();
	return status < 0 ? 1 : status;
}
