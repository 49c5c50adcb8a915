// SPDX-License-Identifier: BSD-3-Clause
#include "stream/upstreams_private.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

static int upstreams_allocate(struct stream_upstreams *upstreams)
{
	uint16_t count = upstreams->options.connection_count;

	upstreams->slots = table_memory_allocate_zeroed(count * sizeof(*upstreams->slots));
	upstreams->counts = table_memory_allocate_zeroed(
		upstreams->set->upstream_capacity * sizeof(*upstreams->counts));
	upstreams->records = table_memory_allocate_zeroed(
		upstreams->set->upstream_capacity * sizeof(*upstreams->records));
	upstreams->inbox = table_memory_allocate(STREAM_ROOM_LEAST);
	if (!upstreams->slots || !upstreams->counts || !upstreams->records || !upstreams->inbox ||
		stream_slots_init(&upstreams->to_read, count) < 0)
		return -ENOMEM;
	return stream_slots_init(&upstreams->to_flush, count);
}

struct stream_upstreams *stream_upstreams_create(struct stream_loop *loop,
	const struct proxy_set *set, const struct stream_upstreams_options *options,
	struct tls_error *error)
{
	struct stream_upstreams *upstreams = calloc(1, sizeof(*upstreams));
	int why = ENOMEM;

	snprintf(error->text, sizeof(error->text), "%s", strerror(ENOMEM));
	if (!upstreams)
		return NULL;
	upstreams->loop = loop;
	upstreams->set = set;
	upstreams->options = *options;
	upstreams->memory.bytes_most = options->memory_most;
	upstreams->generation = set->generation;
	if (upstreams_allocate(upstreams) == 0) {
		upstreams->peers = stream_upstreams_make_peers(set, error);
		if (upstreams->peers)
			return upstreams;
		why = EINVAL;
	}
	stream_upstreams_destroy(upstreams);
	errno = why;
	return NULL;
}

void stream_upstreams_destroy(struct stream_upstreams *upstreams)
{
	if (!upstreams)
		return;
	for (uint16_t slot = 0; upstreams->slots && slot < upstreams->options.connection_count;
		slot++) {
		if (upstreams->slots[slot].state != STREAM_UPSTREAM_FREE)
			upstream_close(upstreams, &upstreams->slots[slot]);
	}
	upstream_trial_close(upstreams);
	stream_upstreams_free_peers(upstreams->peers, upstreams->set);
	stream_memory_fini(&upstreams->memory);
	stream_slots_fini(&upstreams->to_read);
	stream_slots_fini(&upstreams->to_flush);
	free(upstreams->slots);
	free(upstreams->counts);
	free(upstreams->records);
	free(upstreams->inbox);
	free(upstreams);
}

void upstream_tell(struct stream_upstreams *upstreams, const struct stream_upstream *connection,
	const char *reason)
{
	if (upstreams->options.failed)
		upstreams->options.failed(upstreams->options.context, connection->upstream, reason);
}

void upstream_close(struct stream_upstreams *upstreams, struct stream_upstream *connection)
{
	stream_connection_close(&connection->connection, upstreams->loop, &upstreams->memory);
	stream_http2_destroy(connection->http2);
	connection->http2 = NULL;
	connection->state = STREAM_UPSTREAM_CLOSED;
}

static int driver_open(void *context, uint16_t slot, uint16_t upstream, bool is_tls)
{
	struct stream_upstreams *upstreams = context;
	struct stream_upstream *connection = &upstreams->slots[slot];

	*connection = (struct stream_upstream){
		.connection.watch = {.fd = -1, .ready = upstream_ready, .context = upstreams},
		.connection.records = STREAM_RECORDS_OF_ONE,
		.upstream = upstream,
		.is_to_read = connection->is_to_read,
		.is_to_flush = connection->is_to_flush,
	};
	return upstream_connect(upstreams, connection, is_tls);
}

static int driver_send(void *context, uint16_t slot, const uint8_t *message, uint16_t length)
{
	struct stream_upstreams *upstreams = context;
	struct stream_upstream *connection = &upstreams->slots[slot];

	if (connection->state != STREAM_UPSTREAM_OPEN)
		return -EPIPE;
	stream_slots_add(&upstreams->to_flush, slot, &connection->is_to_flush);
	if (connection->http2)
		return upstream_http2_ask(upstreams, connection, message, length);
	connection->queued++;
	connection->newest = bytes_load_u16(message);
	connection->newest_is_answered = false;
	return stream_connection_queue(
		&connection->connection, &upstreams->memory, message, length);
}

static void driver_cancel(void *context, uint16_t slot, uint16_t id)
{
	struct stream_upstreams *upstreams = context;
	struct stream_upstream *connection = &upstreams->slots[slot];

	if (connection->state != STREAM_UPSTREAM_OPEN)
		return;
	if (!connection->http2) {
		upstream_doubt_records(upstreams, connection);
		return;
	}
	stream_http2_cancel(connection->http2, id);
	stream_slots_add(&upstreams->to_flush, slot, &connection->is_to_flush);
}

static void driver_finish(void *context, uint16_t slot)
{
	struct stream_upstreams *upstreams = context;
	struct stream_upstream *connection = &upstreams->slots[slot];

	if (connection->state == STREAM_UPSTREAM_FREE ||
		connection->state == STREAM_UPSTREAM_CLOSED)
		return;
	if (connection->http2 && connection->state == STREAM_UPSTREAM_OPEN)
		stream_http2_finish(connection->http2);
	connection->state = STREAM_UPSTREAM_FINISHING;
	stream_slots_add(&upstreams->to_flush, slot, &connection->is_to_flush);
}

static void driver_destroy(void *context, uint16_t slot)
{
	struct stream_upstreams *upstreams = context;
	struct stream_upstream *connection = &upstreams->slots[slot];

	upstream_close(upstreams, connection);
	connection->state = STREAM_UPSTREAM_FREE;
}

struct proxy_stream_driver stream_upstreams_driver(struct stream_upstreams *upstreams)
{
	return (struct proxy_stream_driver){
		.context = upstreams,
		.open = driver_open,
		.send = driver_send,
		.cancel = driver_cancel,
		.finish = driver_finish,
		.destroy = driver_destroy,
	};
}

void stream_upstreams_join(struct stream_upstreams *upstreams, struct proxy_streams *streams)
{
	upstreams->streams = streams;
}

// All output is out: the FIN, and then the peer's is waited for until destroy().
static void upstream_end(struct stream_upstreams *upstreams, struct stream_upstream *connection)
{
	struct stream_connection *stream = &connection->connection;

	if (stream->tls) {
		tls_session_shutdown(stream->tls);
		if (stream_connection_send(stream, &upstreams->memory) < 0)
			stream->is_lost = true;
		if (!stream->is_lost && stream_connection_output(stream))
			return;
	}
	if (stream->is_lost || shutdown(stream->watch.fd, SHUT_WR) < 0) {
		upstream_close(upstreams, connection);
		return;
	}
	connection->state = STREAM_UPSTREAM_FINISHED;
}

// As stream_connection_send(), of messages over TLS.
static ssize_t upstream_send_records(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now)
{
	bool wants_trial = upstream_choose_records(upstreams, connection, now);
	ssize_t sent = stream_connection_send(&connection->connection, &upstreams->memory);

	if (sent > 0) {
		connection->sent_at = now;
		connection->has_replied = false;
	}
	if (!stream_buffer_length(&connection->connection.output))
		connection->queued = 0;
	if (wants_trial)
		upstream_trial_begin(upstreams, connection->upstream, now);
	return sent;
}

static void upstream_flush(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now)
{
	const struct tls_session *session = connection->connection.tls;
	ssize_t sent;

	// A handshake that nobody waits for is not gone on with.
	if (connection->state == STREAM_UPSTREAM_FINISHING && session &&
		tls_session_state(session) == TLS_STATE_HANDSHAKING) {
		upstream_lost(upstreams, connection, PROXY_FAILURE_CLOSED, now);
		return;
	}
	upstreams->now = now;
	if (connection->http2 && connection->state >= STREAM_UPSTREAM_OPEN)
		sent = upstream_http2_send(upstreams, connection);
	else if (session && !connection->http2)
		sent = upstream_send_records(upstreams, connection, now);
	else
		sent = stream_connection_send(&connection->connection, &upstreams->memory);
	if (sent < 0)
		upstream_lost_to_error(upstreams, connection, (int)sent, now);
	else if (connection->state == STREAM_UPSTREAM_FINISHING &&
		 !stream_connection_output(&connection->connection))
		upstream_end(upstreams, connection);
}

void stream_upstreams_flush(struct stream_upstreams *upstreams, uint64_t now)
{
	uint32_t count = upstreams->to_flush.count;

	for (uint32_t i = 0; i < count; i++) {
		struct stream_upstream *connection =
			&upstreams->slots[upstreams->to_flush.slots[i]];

		connection->is_to_flush = false;
		if (connection->state != STREAM_UPSTREAM_FREE &&
			connection->state != STREAM_UPSTREAM_CLOSED)
			upstream_flush(upstreams, connection, now);
	}
	stream_slots_take(&upstreams->to_flush, count);
	if (base_unlikely(upstreams->trial.state != STREAM_TRIAL_NONE))
		upstream_trial_go_on(upstreams, now);
}

uint64_t stream_upstreams_next_time(const struct stream_upstreams *upstreams)
{
	if (upstreams->to_read.count || upstreams->to_flush.count)
		return 0;
	if (upstreams->trial.state == STREAM_TRIAL_NONE)
		return STREAM_LOOP_FOR_EVER;
	return upstreams->trial.connection.may_read ? 0 : upstreams->trial.ends_at;
}

const struct stream_upstream_counts *stream_upstreams_counts(
	const struct stream_upstreams *upstreams, uint16_t upstream)
{
	return &upstreams->counts[upstream];
}
