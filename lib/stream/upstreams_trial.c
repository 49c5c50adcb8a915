// SPDX-License-Identifier: BSD-3-Clause
#include <sys/socket.h>

#include "base/clock.h"
#include "stream/upstreams_private.h"

// From one in vain to the next, at first and at the most: twice as long each time.
#define PAUSE_LEAST (600 * CLOCK_SECOND)
#define PAUSE_MOST (86400 * CLOCK_SECOND)
#define OPENING_MOST (5 * CLOCK_SECOND)
#define ANSWER_MOST CLOCK_SECOND
#define ENDING_MOST CLOCK_SECOND

#define LABEL_DIGITS 16
#define QUERY_BYTES 42

void upstream_trial_close(struct stream_upstreams *upstreams)
{
	struct stream_trial *trial = &upstreams->trial;

	if (trial->state == STREAM_TRIAL_NONE)
		return;
	stream_connection_close(&trial->connection, upstreams->loop, &upstreams->memory);
	*trial = (struct stream_trial){.state = STREAM_TRIAL_NONE};
}

// An address of a name below "invalid", which nobody has to ask others about (RFC 6761, section 6.4).
// It is a new one each time: dnsdist reads on behind a message that it answers from its cache.
static void write_query(uint8_t query[QUERY_BYTES], uint16_t id, uint64_t label)
{
	static const uint8_t header[] = {0, 0, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0};
	static const uint8_t rest[] = {7, 'i', 'n', 'v', 'a', 'l', 'i', 'd', 0, 0, 1, 0, 1};
	uint8_t *at = query;

	memcpy(at, header, sizeof(header));
	bytes_store_u16(at, id);
	at += sizeof(header);
	*at++ = LABEL_DIGITS;
	for (int i = 0; i < LABEL_DIGITS; i++, label >>= 4)
		*at++ = (uint8_t) "0123456789abcdef"[label & 15];
	memcpy(at, rest, sizeof(rest));
}

// 0 or -errno.
static int trial_ask(struct stream_upstreams *upstreams, uint64_t now)
{
	struct stream_trial *trial = &upstreams->trial;
	struct random_stream *random = upstreams->options.random;
	uint32_t first = random_stream_u32(random);
	uint32_t step = random_stream_u32(random) | 1; // odd: each id is another
	uint8_t query[QUERY_BYTES];
	int error = 0;

	trial->state = STREAM_TRIAL_ASKED;
	trial->ends_at = now + ANSWER_MOST;
	trial->records++;
	memset(trial->is_answered, 0, sizeof(trial->is_answered));
	for (int i = 0; i < STREAM_TRIAL_QUERIES && !error; i++) {
		trial->ids[i] = (uint16_t)(first + (uint32_t)i * step);
		write_query(query, trial->ids[i], random_stream_u64(random));
		error = stream_connection_queue(
			&trial->connection, &upstreams->memory, query, sizeof(query));
	}
	return error;
}

// Tells the peer that it is the end.
static void trial_end(struct stream_upstreams *upstreams, uint64_t now)
{
	struct stream_trial *trial = &upstreams->trial;

	tls_session_shutdown(trial->connection.tls);
	if (stream_connection_send(&trial->connection, &upstreams->memory) < 0 ||
		stream_connection_output(&trial->connection) ||
		shutdown(trial->connection.watch.fd, SHUT_WR) < 0) {
		upstream_trial_close(upstreams);
		return;
	}
	trial->state = STREAM_TRIAL_ENDING;
	trial->ends_at = now + ENDING_MOST;
}

// True: all are answered.
static bool trial_take_reply(struct stream_trial *trial, const uint8_t *message)
{
	bool is_response = message[2] & 0x80;
	int answered = 0;

	for (int i = 0; i < STREAM_TRIAL_QUERIES; i++) {
		if (is_response && bytes_load_u16(message) == trial->ids[i])
			trial->is_answered[i] = true;
		answered += trial->is_answered[i];
	}
	return answered == STREAM_TRIAL_QUERIES;
}

// 1: all are answered, 0: not yet, or -errno.
static int trial_take_input(struct stream_upstreams *upstreams, size_t length)
{
	struct byte_reader reader = byte_reader_make(upstreams->inbox, length);
	const uint8_t *message;
	uint32_t message_length;
	bool is_done = false;
	int whole, error;

	for (;;) {
		whole = stream_frame_take(&reader, &message, &message_length);
		if (whole <= 0)
			break;
		is_done = trial_take_reply(&upstreams->trial, message);
	}
	if (whole < 0)
		return whole;
	error = stream_connection_keep(&upstreams->trial.connection, &upstreams->memory, reader.at,
		byte_reader_left(&reader));
	return error ? error : is_done;
}

void upstream_trial_read(struct stream_upstreams *upstreams, uint64_t now)
{
	struct stream_trial *trial = &upstreams->trial;
	ssize_t length = stream_connection_receive(
		&trial->connection, &upstreams->memory, upstreams->inbox, now);
	int taken = length < 0 ? (int)length : 0;

	if (length > 0 && trial->state == STREAM_TRIAL_ASKED)
		taken = trial_take_input(upstreams, (size_t)length);
	if (taken > 0 && trial->records < STREAM_TRIAL_RECORDS)
		taken = trial_ask(upstreams, now);
	if (taken > 0) {
		upstreams->records[trial->upstream].reads_several = true;
		upstreams->counts[trial->upstream].record_trials_passed++;
		trial_end(upstreams, now);
	} else if (taken < 0 || trial->connection.has_ended) {
		upstream_trial_close(upstreams);
	}
}

static void trial_ready(struct stream_watch *watch, uint32_t events, uint64_t now)
{
	struct stream_upstreams *upstreams = watch->context;
	struct stream_connection *connection = &upstreams->trial.connection;

	if (!stream_connection_note(connection, events))
		upstream_trial_close(upstreams);
	else if (connection->may_read)
		upstream_trial_read(upstreams, now);
}

// It is in vain unless it turns out otherwise.
static void trial_set_pause(struct stream_upstream_records *records, uint64_t now)
{
	records->pause = records->pause ? 2 * records->pause : PAUSE_LEAST;
	if (records->pause > PAUSE_MOST)
		records->pause = PAUSE_MOST;
	records->try_at = now + records->pause;
}

void upstream_trial_begin(struct stream_upstreams *upstreams, uint16_t upstream, uint64_t now)
{
	struct stream_trial *trial = &upstreams->trial;
	struct stream_connection *connection = &trial->connection;
	const struct proxy_upstream *described = &upstreams->set->upstreams[upstream];

	if (trial->state != STREAM_TRIAL_NONE || described->presence != PROXY_STAYS ||
		proxy_upstream_is_in_drain(described))
		return;
	*trial = (struct stream_trial){
		.connection.watch = {.fd = -1, .ready = trial_ready, .context = upstreams},
		.connection.records = STREAM_RECORDS_OF_SEVERAL,
		.upstream = upstream,
		.ends_at = now + OPENING_MOST,
		.state = STREAM_TRIAL_OPENING,
	};
	trial_set_pause(&upstreams->records[upstream], now);
	upstreams->counts[upstream].record_trials++;
	if (upstream_prepare(upstreams, upstream, connection, true) < 0 ||
		stream_connection_open(connection, upstreams->loop, connection->watch.fd) < 0)
		upstream_trial_close(upstreams);
}

static bool trial_is_established(const struct stream_trial *trial)
{
	return tls_session_state(trial->connection.tls) == TLS_STATE_ESTABLISHED;
}

void upstream_trial_go_on(struct stream_upstreams *upstreams, uint64_t now)
{
	struct stream_trial *trial = &upstreams->trial;
	int error = now >= trial->ends_at ? -ETIMEDOUT : 0;

	if (!error && trial->state == STREAM_TRIAL_OPENING && trial_is_established(trial))
		error = trial_ask(upstreams, now);
	if (!error && stream_connection_send(&trial->connection, &upstreams->memory) < 0)
		error = -EPIPE;
	if (error)
		upstream_trial_close(upstreams);
}
