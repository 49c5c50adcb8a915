// SPDX-License-Identifier: BSD-3-Clause
// The driver of the exchange with servers of this thread, which see how queries stand in TLS records,
// and of which some overlook what is not the first in one. The exchange is here, too, and notes what it
// is told. The clock is the test's.
#pragma once

#include "stream_fixture.h"
#include "tls_lab.h"

#include "stream/framing.h"
#include "stream/upstreams.h"

#define SLOTS 4
#define UPSTREAMS 2
#define SERVER_CONNECTIONS 16
#define RECORD_MOST (5 + 16384 + 256)
#define WAITING_MOST 64

// What a server does with the messages of a record.
enum server_conduct {
	SERVER_ANSWERS_ALL,
	SERVER_OVERLOOKS, // answers the first, and the others when more comes
	SERVER_OVERLOOKS_LATER, // from its eighth record on
	SERVER_ANSWERS_LAST,
	SERVER_IS_SILENT,
	SERVER_CLOSES,
	SERVER_SENDS_GARBAGE,
	SERVER_ANSWERS_ONE_TWICE,
	SERVER_ECHOES, // queries, not responses
	SERVER_ANSWERS_BEHIND_MUCH, // all, behind more than is received at once
};

struct server_connection {
	int fd;
	struct tls_session *session;
	uint8_t input[2 * RECORD_MOST];
	size_t length;
	uint16_t waiting[WAITING_MOST]; // ids that were overlooked
	uint32_t waiting_count;
	uint32_t records; // with messages
	uint32_t messages;
	uint32_t most; // messages of one record
	bool is_trial; // it was asked what only a trial asks
	bool got_goodbye; // the peer's close_notify
	bool got_end; // and its FIN
};

struct told {
	uint32_t opened;
	uint32_t lost;
	uint32_t received;
};

// The exchange's side: proxy_streams_opened() and the others note here.
struct proxy_streams {
	struct told told[SLOTS];
};

struct records_fixture {
	struct stream_loop loop;
	struct stream_upstreams *upstreams;
	struct proxy_stream_driver driver;
	struct proxy_streams exchange;
	struct proxy_set *set;
	struct tls_context *server;
	struct random_stream *random;
	int listeners[UPSTREAMS];
	enum server_conduct conduct;
	enum server_conduct conduct_in_trials;
	struct server_connection connections[SERVER_CONNECTIONS]; // as they came
	uint32_t connection_count;
	uint32_t failures_told;
	uint64_t now;
};

extern struct records_fixture fixture;

// A set of the upstreams, which follows the one that there is; the first has this name.
static inline void fixture_make_set(const char *name, const struct proxy_drain *drain)
{
	static const struct proxy_settings settings = {
		.max_inflight = 64, .read_timeout = 2 * CLOCK_SECOND};
	struct proxy_upstream_template upstream[UPSTREAMS];
	const struct proxy_group_template template = {
		.settings = settings,
		.tls = {.ca = tls_lab_certificate(TLS_LAB_CA)},
		.upstreams = upstream,
		.upstream_count = UPSTREAMS,
	};

	for (int i = 0; i < UPSTREAMS; i++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof(address);

		upstream[i] = (struct proxy_upstream_template){
			.is_tls = true, .server_name = TLS_LAB_NAME};
		CU_ASSERT_EQUAL_FATAL(
			getsockname(fixture.listeners[i], (struct sockaddr *)&address, &length), 0);
		stream_address_to_endpoint(&address, &upstream[i].endpoint);
	}
	upstream[0].server_name = name;
	fixture.set = fixture.set ? proxy_set_follow(fixture.set, &template, 1, drain)
				  : proxy_set_create(&template, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture.set);
}

static inline void fixture_note_failure(void *context, uint16_t upstream, const char *reason)
{
	(void)context;
	(void)upstream;
	(void)reason;
	fixture.failures_told++;
}

static inline int fixture_listen(void)
{
	struct net_endpoint loopback = stream_fixture_loopback();
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(&loopback, &address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&address, length), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, SERVER_CONNECTIONS), 0);
	return fd;
}

static inline void fixture_open(enum server_conduct conduct, enum server_conduct conduct_in_trials)
{
	struct stream_upstreams_options options = {
		.connection_count = SLOTS,
		.memory_most = 10000000,
		.failed = fixture_note_failure,
	};
	struct tls_error error;

	memset(&fixture, 0, sizeof(fixture));
	fixture.now = TLS_LAB_NOW;
	fixture.conduct = conduct;
	fixture.conduct_in_trials = conduct_in_trials;
	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&fixture.loop), 0);
	fixture.server = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	fixture.random = random_stream_create((const uint8_t[RANDOM_SEED_BYTES]){7});
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture.random);
	options.random = fixture.random;
	for (int i = 0; i < UPSTREAMS; i++)
		fixture.listeners[i] = fixture_listen();
	fixture_make_set(TLS_LAB_NAME, NULL);
	fixture.upstreams = stream_upstreams_create(&fixture.loop, fixture.set, &options, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture.upstreams);
	fixture.driver = stream_upstreams_driver(fixture.upstreams);
	stream_upstreams_join(fixture.upstreams, &fixture.exchange);
}

static inline void server_end(struct server_connection *connection)
{
	tls_session_destroy(connection->session);
	connection->session = NULL;
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
}

static inline void fixture_close_driver(void)
{
	stream_upstreams_destroy(fixture.upstreams);
	fixture.upstreams = NULL;
}

static inline void fixture_close(void)
{
	fixture_close_driver();
	for (uint32_t i = 0; i < fixture.connection_count; i++)
		server_end(&fixture.connections[i]);
	for (int i = 0; i < UPSTREAMS; i++)
		close(fixture.listeners[i]);
	stream_loop_fini(&fixture.loop);
	tls_context_destroy(fixture.server);
	random_stream_destroy(fixture.random);
	proxy_set_destroy(fixture.set);
}

// A message of this id, which is a header.
static inline void server_say(struct server_connection *connection, uint16_t id, uint8_t flags)
{
	uint8_t frame[2 + 12] = {0, 12};

	bytes_store_u16(frame + 2, id);
	frame[4] = flags;
	CU_ASSERT_EQUAL(tls_session_write(connection->session, frame, sizeof(frame)), 0);
}

static inline void server_answer_record(
	struct server_connection *connection, const uint16_t ids[], uint32_t count)
{
	static const uint8_t much[2 + 12000] = {12000 >> 8, 12000 & 255};
	enum server_conduct conduct =
		connection->is_trial ? fixture.conduct_in_trials : fixture.conduct;

	if (conduct == SERVER_OVERLOOKS_LATER)
		conduct = connection->records < 8 ? SERVER_ANSWERS_ALL : SERVER_OVERLOOKS;
	for (uint32_t i = 0; i < connection->waiting_count; i++)
		server_say(connection, connection->waiting[i], 0x80);
	connection->waiting_count = 0;
	for (int i = 0; conduct == SERVER_ANSWERS_BEHIND_MUCH && i < 3; i++)
		CU_ASSERT_EQUAL(tls_session_write(connection->session, much, sizeof(much)), 0);
	for (uint32_t i = 0; i < count; i++) {
		if (conduct == SERVER_ANSWERS_ALL || conduct == SERVER_ANSWERS_BEHIND_MUCH ||
			(conduct == SERVER_OVERLOOKS && !i) ||
			(conduct == SERVER_ANSWERS_LAST && i == count - 1))
			server_say(connection, ids[i], 0x80);
		else if (conduct == SERVER_OVERLOOKS)
			connection->waiting[connection->waiting_count++] = ids[i];
		else if (conduct == SERVER_ANSWERS_ONE_TWICE)
			server_say(connection, ids[0], 0x80);
		else if (conduct == SERVER_ECHOES)
			server_say(connection, ids[i], 0);
	}
	if (conduct == SERVER_SENDS_GARBAGE)
		CU_ASSERT_EQUAL(
			tls_session_write(connection->session, (const uint8_t *)"\0\5abcde", 7), 0);
	if (conduct == SERVER_CLOSES) {
		server_say(connection, ids[0], 0x80);
		tls_session_shutdown(connection->session);
	}
}

// The plaintext of one record, which is whole messages, unless a long one goes on in the next.
static inline void server_take_record(
	struct server_connection *connection, const uint8_t *plaintext, size_t length)
{
	struct byte_reader reader = byte_reader_make(plaintext, length);
	uint16_t ids[2000];
	uint32_t count = 0, message_length;
	const uint8_t *message;

	while (stream_frame_take(&reader, &message, &message_length) == 1) {
		CU_ASSERT_TRUE_FATAL(count < BASE_ARRAY_SIZE(ids));
		ids[count++] = bytes_load_u16(message);
		if (memmem(message, message_length, "\7invalid", 9))
			connection->is_trial = true;
	}
	CU_ASSERT_EQUAL(byte_reader_left(&reader), 0);
	connection->records++;
	connection->messages += count;
	if (count > connection->most)
		connection->most = count;
	server_answer_record(connection, ids, count);
}

// One record at a time, so that it shows what came in each. Returns how many came.
static inline uint32_t server_take_input(struct server_connection *connection)
{
	uint8_t plaintext[RECORD_MOST];
	uint32_t count = 0;

	while (connection->length >= 5 && connection->session) {
		size_t record = 5u + bytes_load_u16(connection->input + 3);
		size_t length;

		if (connection->length < record)
			break;
		(void)tls_session_receive(
			connection->session, connection->input, record, fixture.now);
		length = tls_session_read(
			connection->session, plaintext, sizeof(plaintext), fixture.now);
		if (tls_session_state(connection->session) == TLS_STATE_CLOSED)
			connection->got_goodbye = true;
		connection->length -= record;
		memmove(connection->input, connection->input + record, connection->length);
		if (length)
			server_take_record(connection, plaintext, length);
		count++;
	}
	return count;
}

static inline uint32_t server_turn(struct server_connection *connection)
{
	uint32_t records = 0;
	const uint8_t *output;
	size_t length;
	ssize_t got;

	if (connection->fd < 0)
		return 0;
	do {
		got = recv(connection->fd, connection->input + connection->length,
			sizeof(connection->input) - connection->length, MSG_DONTWAIT);
		connection->length += got > 0 ? (size_t)got : 0;
		records += server_take_input(connection);
	} while (got > 0);
	if (got == 0)
		connection->got_end = true;
	output = tls_session_output(connection->session, &length);
	if (length && !connection->got_end) {
		CU_ASSERT_EQUAL(
			send(connection->fd, output, length, MSG_NOSIGNAL), (ssize_t)length);
		tls_session_output_sent(connection->session, length);
	}
	if (got == 0)
		server_end(connection);
	return records;
}

static inline uint32_t server_accept(void)
{
	uint32_t count = 0;

	for (int i = 0; i < UPSTREAMS; i++) {
		int fd = accept(fixture.listeners[i], NULL, NULL);
		struct server_connection *connection;

		if (fd < 0)
			continue;
		CU_ASSERT_TRUE_FATAL(fixture.connection_count < SERVER_CONNECTIONS);
		connection = &fixture.connections[fixture.connection_count++];
		connection->fd = fd;
		connection->session = tls_session_create_server(fixture.server);
		count++;
	}
	return count;
}

// A turn of the driver, and one of each server. Returns how much there was to do.
static inline uint32_t turn(void)
{
	uint64_t next = stream_upstreams_next_time(fixture.upstreams);
	uint32_t count = stream_loop_wait(&fixture.loop, next ? STREAM_FIXTURE_TURN : 0);

	stream_loop_dispatch(&fixture.loop, fixture.now);
	stream_upstreams_read_on(fixture.upstreams, fixture.now);
	stream_upstreams_flush(fixture.upstreams, fixture.now);
	count += server_accept();
	for (uint32_t i = 0; i < fixture.connection_count; i++)
		count += server_turn(&fixture.connections[i]);
	return count;
}

#define UNTIL(condition) STREAM_FIXTURE_TURN_UNTIL((void)turn(), condition)

// Until nothing goes on any more.
static inline void settle(void)
{
	int quiet = 0;

	for (int i = 0; quiet < 2 && i < STREAM_FIXTURE_TURNS; i++)
		quiet = turn() ? 0 : quiet + 1;
	CU_ASSERT_EQUAL(quiet, 2);
}

static inline const struct stream_upstream_counts *counts(uint16_t upstream)
{
	return stream_upstreams_counts(fixture.upstreams, upstream);
}

// The first connection of the server is that of slot 0, if that is opened first.
static inline void open_slot(uint16_t slot, uint16_t upstream)
{
	CU_ASSERT_EQUAL(fixture.driver.open(fixture.driver.context, slot, upstream, true), 0);
	UNTIL(fixture.exchange.told[slot].opened == 1);
}

static inline void send_queries(uint16_t slot, uint16_t first_id, uint16_t count, uint16_t length)
{
	static uint8_t frame[2 + 65535];

	for (uint16_t i = 0; i < count; i++) {
		stream_fixture_frame(frame, (uint16_t)(first_id + i), length);
		CU_ASSERT_EQUAL(
			fixture.driver.send(fixture.driver.context, slot, frame + 2, length), 0);
	}
}

static inline const struct server_connection *trial_connection(void)
{
	for (uint32_t i = 0; i < fixture.connection_count; i++) {
		if (fixture.connections[i].is_trial)
			return &fixture.connections[i];
	}
	return NULL;
}
