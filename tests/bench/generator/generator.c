// SPDX-License-Identifier: BSD-3-Clause
#include "generator.h"

#include <errno.h>
#include <rte_cycles.h>

#include "base/compiler.h"
#include "base/log.h"

#define PROBE_MOST_SECONDS 20
#define FRAMES_MOST 16384u
#define EXPIRED_A_STEP 2
// What the rings hold: when more comes than that, nobody would get to send.
#define RECEIVED_A_STEP (16 * LINK_BURST)
// A look at the clock for every few dozen frames comes more often than that.
#define PAUSE_LEAST_US 50

int generator_open(struct generator *generator)
{
	const struct options *options = &generator->options;
	// All in flight, and attempts that were given up, which are answered all the same.
	uint32_t answers = options->window + options->window / 4;
	// Those that wait for the delay do so without a frame; what else is in flight is the
	// forwarder's, or in the rings.
	uint32_t frames = options->delay ? RTE_MIN(answers, FRAMES_MOST) : answers;
	int error;

	frames_make_template(&generator->template, options);
	circulation_init(&generator->circulation, options, &generator->template);
	error = upstream_init(&generator->upstream, options, &generator->template, answers);
	if (!error)
		error = client_init(&generator->client, options, &generator->template, rte_rdtsc());
	if (error)
		log_error("no memory for %u queries", options->window);
	else
		error = link_open(&generator->link, options, frames);
	return error;
}

void generator_close(struct generator *generator)
{
	client_fini(&generator->client);
	upstream_fini(&generator->upstream);
	link_close(&generator->link);
}

static bool is_one_of_ours(const struct rte_mbuf *frame)
{
	return frame->nb_segs == 1 &&
	       frames_is_udp(rte_pktmbuf_mtod(frame, const uint8_t *), frame->data_len);
}

static uint16_t receive(struct generator *generator, uint64_t now)
{
	struct rte_mbuf *frames[LINK_BURST], *answers[LINK_BURST];
	uint16_t count = link_receive(&generator->link, frames);
	uint16_t answer_count = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (base_unlikely(!is_one_of_ours(frames[i])))
			rte_pktmbuf_free(frames[i]);
		else if (frames_is_to_upstream(rte_pktmbuf_mtod(frames[i], const uint8_t *)))
			upstream_receive(&generator->upstream, &generator->link, frames[i], now);
		else
			answers[answer_count++] = frames[i];
	}
	client_receive(&generator->client, answers, answer_count, now);
	link_recycle(&generator->link, answers, answer_count);
	return count;
}

static uint64_t look_at_clock(struct generator *generator)
{
	uint64_t now = rte_rdtsc();
	uint64_t elapsed = now - generator->last_look;

	generator->last_look = now;
	if (base_unlikely(elapsed > rte_get_tsc_hz() / 1000000 * PAUSE_LEAST_US)) {
		generator->paused += elapsed;
		if (elapsed > generator->longest_pause)
			generator->longest_pause = elapsed;
	}
	generator->in_flight += (double)generator->client.in_flight * (double)elapsed;
	return now;
}

// What is there is taken before anything is sent: else a forwarder that is kept busy finds no
// room for its frames.
static uint32_t receive_all(struct generator *generator)
{
	uint32_t received = 0;
	uint16_t short_bursts = 0;

	while (received < RECEIVED_A_STEP && short_bursts < generator->link.queue_count) {
		uint16_t count = receive(generator, look_at_clock(generator));

		received += count;
		if (count < LINK_BURST)
			short_bursts++;
	}
	return received;
}

static uint32_t exchange(struct generator *generator)
{
	uint32_t moved = receive_all(generator);
	uint64_t now = look_at_clock(generator);

	moved += upstream_send(&generator->upstream, &generator->link, now);
	if (generator->client_sends)
		moved += client_send(&generator->client, &generator->link, now);
	client_expire(&generator->client, EXPIRED_A_STEP, now);
	link_flush(&generator->link);
	return moved;
}

static void step(struct generator *generator)
{
	uint64_t began = look_at_clock(generator);
	uint32_t moved;

	if (generator->options.circulates)
		moved = circulation_step(&generator->circulation, &generator->link);
	else
		moved = exchange(generator);
	if (!moved)
		generator->idle += rte_rdtsc() - began;
}

void generator_reset_times(struct generator *generator)
{
	generator->last_look = rte_rdtsc();
	generator->longest_pause = 0;
	generator->paused = 0;
	generator->idle = 0;
	generator->in_flight = 0;
}

void generator_run_for(struct generator *generator, uint64_t cycles)
{
	uint64_t until = rte_rdtsc() + cycles;

	while (rte_rdtsc() < until && !*generator->is_ending)
		step(generator);
}

void generator_drain(struct generator *generator, uint64_t most)
{
	uint64_t until = rte_rdtsc() + most;

	generator->client_sends = false;
	while (generator->client.in_flight && rte_rdtsc() < until && !*generator->is_ending)
		step(generator);
}

void generator_fill(struct generator *generator)
{
	struct client *client = &generator->client;
	const struct options *options = &generator->options;

	if (options->circulates || options->names == OPTION_NAMES_DIFFERENT)
		return;
	client->names.fill_left = (uint64_t)options->fill * options->name_count;
	if (!client->names.fill_left)
		return;
	generator->client_sends = true;
	client_start(client, rte_rdtsc());
	while (client->names.fill_left && !*generator->is_ending)
		step(generator);
	generator_drain(generator, rte_get_tsc_hz() / 1000 * options->patience);
	client_give_up(client);
}

uint64_t generator_count_done(const struct generator *generator)
{
	return generator->options.circulates ? generator->circulation.turned
					     : generator->client.counters.answered;
}

int generator_wait_for_forwarder(struct generator *generator)
{
	struct client *client = &generator->client;
	uint64_t turn = rte_get_tsc_hz() / 1000 * (100 + 2 * generator->options.delay / 1000);

	for (int i = 0; i < PROBE_MOST_SECONDS * 10 && !generator_count_done(generator); i++) {
		if (*generator->is_ending)
			return -EINTR;
		if (!generator->options.circulates) {
			client_give_up(client);
			client_probe(client, &generator->link, rte_rdtsc());
		}
		generator_run_for(generator, turn);
	}
	if (!generator_count_done(generator)) {
		log_error("nothing came back within %d s", PROBE_MOST_SECONDS);
		return -ETIMEDOUT;
	}
	client_give_up(client);
	client->counters = (struct client_counters){0};
	generator->upstream.answered = 0;
	generator->upstream.strange = 0;
	return 0;
}
