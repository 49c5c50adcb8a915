// SPDX-License-Identifier: BSD-3-Clause
// The driver of the exchange over streams, with sockets: the exchange is this test, which notes what
// it is told; upstreams are clients' listeners of the same loop, or sockets of the test.
#include "stream_fixture.h"
#include "tls_lab.h"

#include <signal.h>

#include "stream/upstreams.h"

#define SLOTS 8
#define UPSTREAM_TCP 0
#define UPSTREAM_TLS 1
#define UPSTREAM_SILENT 2 // a listener of the test
#define UPSTREAM_NOBODY 3 // nobody listens
#define UPSTREAM_NAMELESS 4 // of TLS, with another name than its certificate
#define UPSTREAM_WATCHED 5 // of TLS, to the listener of the test
#define UPSTREAMS 6

struct told {
	uint32_t opened;
	uint32_t lost;
	enum proxy_failure why;
	uint32_t received;
	uint16_t last_id;
	uint16_t last_length;
};

// The exchange's side: proxy_streams_opened() and the others note here.
struct proxy_streams {
	struct told told[SLOTS];
	int finish_at; // slot that is finished with its first reply, -1: none
	uint64_t now;
};

static struct stream_fixture fixture;

#include "stream_without_http.h"
static struct proxy_streams streams;
static struct stream_upstreams *upstreams;
static struct proxy_stream_driver driver;
static struct proxy_set *set;
static struct tls_context *server;
static struct random_stream *chance;
static int silent; // listener
static char tls_reason[TLS_ERROR_TEXT];

void proxy_streams_opened(struct proxy_streams *told, uint16_t slot, uint64_t now)
{
	CU_ASSERT_EQUAL(now, fixture.now);
	told->told[slot].opened++;
}

void proxy_streams_received(struct proxy_streams *told, uint16_t slot, const uint8_t *bytes,
	uint16_t length, uint64_t now)
{
	static uint8_t expected[2 + 65535];

	CU_ASSERT_EQUAL(now, fixture.now);
	told->told[slot].received++;
	told->told[slot].last_id = bytes_load_u16(bytes);
	told->told[slot].last_length = length;
	stream_fixture_frame(expected, bytes_load_u16(bytes), length);
	CU_ASSERT_EQUAL(memcmp(expected + 2, bytes, length), 0);
	if (told->finish_at == slot)
		driver.finish(driver.context, slot);
}

void proxy_streams_lost(
	struct proxy_streams *told, uint16_t slot, enum proxy_failure why, uint64_t now)
{
	CU_ASSERT_EQUAL(now, fixture.now);
	told->told[slot].lost++;
	told->told[slot].why = why;
}

static void note_tls_failure(void *context, uint16_t upstream, const char *reason)
{
	(void)context;
	(void)upstream;
	snprintf(tls_reason, sizeof(tls_reason), "%s", reason);
}

static struct net_endpoint socket_endpoint(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	struct net_endpoint endpoint;

	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	stream_address_to_endpoint(&address, &endpoint);
	return endpoint;
}

// A socket bound to a port of loopback, which listens unless nobody is to be there.
static int bind_socket(bool listens)
{
	struct net_endpoint loopback = stream_fixture_loopback();
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(&loopback, &address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&address, length), 0);
	if (listens)
		CU_ASSERT_EQUAL_FATAL(listen(fd, 10), 0);
	return fd;
}

static void make_set(const struct proxy_set *old, const struct net_endpoint *tls,
	const struct net_endpoint *nobody)
{
	static const struct proxy_settings settings = {.max_inflight = 64};
	const struct proxy_upstream_template upstream[UPSTREAMS] = {
		[UPSTREAM_TCP] = {.endpoint = fixture.endpoint},
		[UPSTREAM_TLS] = {.endpoint = *tls, .is_tls = true, .server_name = TLS_LAB_NAME},
		[UPSTREAM_SILENT] = {.endpoint = socket_endpoint(silent)},
		[UPSTREAM_NOBODY] = {.endpoint = *nobody},
		[UPSTREAM_NAMELESS] = {.endpoint = *tls, .is_tls = true},
		[UPSTREAM_WATCHED] = {.endpoint = socket_endpoint(silent),
			.is_tls = true,
			.server_name = TLS_LAB_NAME},
	};
	const struct proxy_group_template template = {
		.settings = settings,
		.tls = {.ca = tls_lab_certificate(TLS_LAB_CA)},
		.has_source_address = true,
		.source_address = stream_fixture_loopback().address,
		.upstreams = upstream,
		.upstream_count = UPSTREAMS,
	};

	set = old ? proxy_set_follow(old, &template, 1, NULL) : proxy_set_create(&template, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
}

static void open_driver(enum stream_fixture_mode mode)
{
	const struct stream_clients_options clients = stream_clients_defaults();
	struct stream_upstreams_options options = {
		.connection_count = SLOTS,
		.memory_most = 10000000,
		.failed = note_tls_failure,
	};
	struct net_endpoint tls = stream_fixture_loopback();
	struct net_endpoint nobody;
	struct tls_error error;
	int bound = bind_socket(false);

	stream_fixture_open(&fixture, &clients, mode);
	fixture.now = TLS_LAB_NOW;
	server = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	CU_ASSERT_EQUAL_FATAL(stream_clients_listen_tls(fixture.clients, &tls, server), 1);
	silent = bind_socket(true);
	nobody = socket_endpoint(bound);
	close(bound);
	make_set(NULL, &tls, &nobody);
	memset(&streams, 0, sizeof(streams));
	streams.finish_at = -1;
	tls_reason[0] = '\0';
	chance = random_stream_create((const uint8_t[RANDOM_SEED_BYTES]){1});
	CU_ASSERT_PTR_NOT_NULL_FATAL(chance);
	options.random = chance;
	upstreams = stream_upstreams_create(&fixture.loop, set, &options, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(upstreams);
	driver = stream_upstreams_driver(upstreams);
	stream_upstreams_join(upstreams, &streams);
}

static void close_driver(void)
{
	stream_upstreams_destroy(upstreams);
	stream_fixture_close(&fixture);
	tls_context_destroy(server);
	proxy_set_destroy(set);
	random_stream_destroy(chance);
	close(silent);
}

static void turn(void)
{
	uint64_t next = stream_upstreams_next_time(upstreams);

	(void)stream_loop_wait(&fixture.loop,
		next && stream_clients_next_time(fixture.clients) ? STREAM_FIXTURE_TURN : 0);
	stream_loop_dispatch(&fixture.loop, fixture.now);
	stream_upstreams_read_on(upstreams, fixture.now);
	stream_clients_hand_over(fixture.clients, fixture.now);
	stream_clients_flush(fixture.clients, fixture.now);
	stream_upstreams_flush(upstreams, fixture.now);
}

#define UNTIL(condition) STREAM_FIXTURE_TURN_UNTIL(turn(), condition)

static void open_slot(uint16_t slot, uint16_t upstream)
{
	bool is_tls = upstream == UPSTREAM_TLS || upstream == UPSTREAM_NAMELESS ||
		      upstream == UPSTREAM_WATCHED;

	streams.told[slot] = (struct told){0};
	CU_ASSERT_EQUAL(driver.open(driver.context, slot, upstream, is_tls), 0);
	CU_ASSERT_EQUAL(streams.told[slot].opened, 0);
}

static int send_query(uint16_t slot, uint16_t id, size_t length)
{
	static uint8_t frame[2 + 65535];

	stream_fixture_frame(frame, id, length);
	return driver.send(driver.context, slot, frame + 2, (uint16_t)length);
}

// What the silent listener was sent a connection for.
static int accept_silent(void)
{
	int fd = accept(silent, NULL, NULL);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	return fd;
}

static void ask_and_finish(uint16_t upstream)
{
	open_driver(STREAM_FIXTURE_ECHO);
	open_slot(0, upstream);
	CU_ASSERT_TRUE(send_query(0, 1, 30) < 0); // not open yet
	UNTIL(streams.told[0].opened == 1);
	for (uint16_t id = 0; id < 100; id++)
		CU_ASSERT_EQUAL(send_query(0, id, 40), 0);
	UNTIL(streams.told[0].received == 100);
	CU_ASSERT_EQUAL(streams.told[0].last_id, 99);
	CU_ASSERT_EQUAL(fixture.last.is_tls, upstream == UPSTREAM_TLS);
	CU_ASSERT_EQUAL(send_query(0, 7, 65535), 0);
	UNTIL(streams.told[0].received == 101);
	CU_ASSERT_EQUAL(streams.told[0].last_length, 65535);
	// The other end sees an orderly end, and ours goes with it.
	driver.finish(driver.context, 0);
	UNTIL(fixture.counters->closed[STREAM_CLOSE_PEER] == 1);
	CU_ASSERT_EQUAL(streams.told[0].opened, 1);
	CU_ASSERT_EQUAL(streams.told[0].lost, 0);
	CU_ASSERT_TRUE(send_query(0, 1, 30) < 0);
	driver.destroy(driver.context, 0);
	close_driver();
}

static void queries_go_over_tcp(void)
{
	ask_and_finish(UPSTREAM_TCP);
}

static void queries_go_over_tls(void)
{
	ask_and_finish(UPSTREAM_TLS);
}

static size_t count_records(const uint8_t *bytes, size_t length)
{
	size_t count = 0;

	for (size_t at = 0; at + 5 <= length; at += 5u + bytes_load_u16(bytes + at + 3))
		count++;
	return count;
}

// A turn of the driver, and one of a server whose session is the test's. Returns how many records came.
static size_t serve(int fd, struct tls_session *session, size_t *plaintext)
{
	uint8_t bytes[16384], read[16384];
	const uint8_t *output;
	ssize_t got;
	size_t length;

	turn();
	got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got > 0)
		(void)tls_session_receive(session, bytes, (size_t)got, fixture.now);
	*plaintext += tls_session_read(session, read, sizeof(read), fixture.now);
	output = tls_session_output(session, &length);
	if (length) {
		CU_ASSERT_EQUAL(send(fd, output, length, 0), (ssize_t)length);
		tls_session_output_sent(session, length);
	}
	return got > 0 ? count_records(bytes, (size_t)got) : 0;
}

static void each_query_has_a_record_of_its_own(void)
{
	struct tls_session *session;
	size_t records = 0, plaintext = 0;
	int fd;

	open_driver(STREAM_FIXTURE_ECHO);
	session = tls_session_create_server(server);
	open_slot(0, UPSTREAM_WATCHED);
	fd = accept_silent();
	for (int i = 0;
		i < STREAM_FIXTURE_TURNS &&
		(!streams.told[0].opened || tls_session_state(session) != TLS_STATE_ESTABLISHED);
		i++)
		(void)serve(fd, session, &plaintext);
	CU_ASSERT_EQUAL(streams.told[0].opened, 1);
	for (uint16_t id = 0; id < 20; id++)
		CU_ASSERT_EQUAL(send_query(0, id, 40), 0);
	for (int i = 0; i < STREAM_FIXTURE_TURNS && plaintext < 20 * 42; i++)
		records += serve(fd, session, &plaintext);
	CU_ASSERT_EQUAL(plaintext, 20 * 42);
	CU_ASSERT_EQUAL(records, 20);
	tls_session_destroy(session);
	close(fd);
	close_driver();
}

static void finish_sends_what_is_queued_first(void)
{
	open_driver(STREAM_FIXTURE_HOLD);
	open_slot(0, UPSTREAM_TLS);
	UNTIL(streams.told[0].opened == 1);
	CU_ASSERT_EQUAL(send_query(0, 5, 60000), 0);
	driver.finish(driver.context, 0);
	UNTIL(fixture.query_count == 1);
	CU_ASSERT_EQUAL(fixture.last.length, 60000);
	driver.destroy(driver.context, 0);
	close_driver();
}

static void finish_may_come_within_a_reply(void)
{
	open_driver(STREAM_FIXTURE_ECHO);
	open_slot(3, UPSTREAM_TCP);
	UNTIL(streams.told[3].opened == 1);
	streams.finish_at = 3;
	for (uint16_t id = 0; id < 3; id++)
		CU_ASSERT_EQUAL(send_query(3, id, 40), 0);
	UNTIL(fixture.counters->closed[STREAM_CLOSE_PEER] == 1);
	CU_ASSERT_EQUAL(streams.told[3].received, 1);
	CU_ASSERT_EQUAL(streams.told[3].lost, 0);
	driver.destroy(driver.context, 3);
	close_driver();
}

static void a_second_handshake_is_resumed(void)
{
	open_driver(STREAM_FIXTURE_ECHO);
	for (uint16_t slot = 0; slot < 2; slot++) {
		open_slot(slot, UPSTREAM_TLS);
		UNTIL(streams.told[slot].opened == 1);
		CU_ASSERT_EQUAL(send_query(slot, slot, 40), 0);
		UNTIL(streams.told[slot].received == 1);
	}
	CU_ASSERT_EQUAL(stream_upstreams_counts(upstreams, UPSTREAM_TLS)->handshakes, 2);
	CU_ASSERT_EQUAL(stream_upstreams_counts(upstreams, UPSTREAM_TLS)->resumed, 1);
	CU_ASSERT_EQUAL(fixture.counters->resumed, 1);
	close_driver();
}

// The same upstreams, with peers made anew, as a reload has it.
static void reload(void)
{
	struct net_endpoint tls = set->upstreams[UPSTREAM_TLS].endpoint;
	struct net_endpoint nobody = set->upstreams[UPSTREAM_NOBODY].endpoint;
	struct proxy_set *old = set;
	struct tls_peer **peers;
	struct tls_error error;

	make_set(old, &tls, &nobody);
	peers = stream_upstreams_make_peers(set, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peers);
	stream_upstreams_adopt(upstreams, set, peers);
	proxy_set_destroy(old);
}

static void a_handshake_after_a_reload_is_resumed(void)
{
	open_driver(STREAM_FIXTURE_ECHO);
	for (uint16_t slot = 0; slot < 3; slot++) {
		open_slot(slot, UPSTREAM_TLS);
		UNTIL(streams.told[slot].opened == 1);
		CU_ASSERT_EQUAL(send_query(slot, slot, 40), 0);
		UNTIL(streams.told[slot].received == 1);
		reload();
	}
	CU_ASSERT_EQUAL(stream_upstreams_counts(upstreams, UPSTREAM_TLS)->handshakes, 3);
	CU_ASSERT_EQUAL(stream_upstreams_counts(upstreams, UPSTREAM_TLS)->resumed, 2);
	close_driver();
}

static void a_certificate_for_another_is_refused(void)
{
	open_driver(STREAM_FIXTURE_ECHO);
	open_slot(0, UPSTREAM_NAMELESS);
	UNTIL(streams.told[0].lost == 1);
	CU_ASSERT_EQUAL(streams.told[0].why, PROXY_FAILURE_TLS);
	CU_ASSERT_EQUAL(streams.told[0].opened, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(tls_reason, "certificate of 127.0.0.1"));
	CU_ASSERT_EQUAL(stream_upstreams_counts(upstreams, UPSTREAM_NAMELESS)->tls_failed, 1);
	driver.destroy(driver.context, 0);
	close_driver();
}

static void nobody_there_is_refused(void)
{
	open_driver(STREAM_FIXTURE_ECHO);
	open_slot(0, UPSTREAM_NOBODY);
	UNTIL(streams.told[0].lost == 1);
	CU_ASSERT_EQUAL(streams.told[0].why, PROXY_FAILURE_REFUSED);
	driver.destroy(driver.context, 0);
	close_driver();
}

static void an_end_in_mid_message_is_told(void)
{
	uint8_t frame[2 + 100];
	int fd;

	open_driver(STREAM_FIXTURE_ECHO);
	open_slot(0, UPSTREAM_SILENT);
	UNTIL(streams.told[0].opened == 1);
	fd = accept_silent();
	stream_fixture_send(fd, frame, stream_fixture_frame(frame, 9, 100));
	stream_fixture_send(fd, frame, 50);
	close(fd);
	UNTIL(streams.told[0].lost == 1);
	CU_ASSERT_EQUAL(streams.told[0].received, 1);
	CU_ASSERT_EQUAL(streams.told[0].why, PROXY_FAILURE_CLOSED);
	driver.destroy(driver.context, 0);
	close_driver();
}

static void replies_before_a_reset_are_told(void)
{
	const struct linger reset = {1, 0};
	uint8_t frame[2 + 100];
	int fd;

	open_driver(STREAM_FIXTURE_ECHO);
	open_slot(0, UPSTREAM_SILENT);
	UNTIL(streams.told[0].opened == 1);
	fd = accept_silent();
	stream_fixture_send(fd, frame, stream_fixture_frame(frame, 9, 100));
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(fd);
	UNTIL(streams.told[0].lost == 1);
	CU_ASSERT_EQUAL(streams.told[0].received, 1);
	CU_ASSERT_EQUAL(streams.told[0].why, PROXY_FAILURE_CLOSED);
	driver.destroy(driver.context, 0);
	close_driver();
}

static void a_reply_shorter_than_a_header_ends_the_connection(void)
{
	int fd;

	open_driver(STREAM_FIXTURE_ECHO);
	open_slot(0, UPSTREAM_SILENT);
	UNTIL(streams.told[0].opened == 1);
	fd = accept_silent();
	stream_fixture_send(fd, "\0\1x", 3);
	UNTIL(streams.told[0].lost == 1);
	CU_ASSERT_EQUAL(streams.told[0].why, PROXY_FAILURE_GARBAGE);
	CU_ASSERT_EQUAL(stream_upstreams_counts(upstreams, UPSTREAM_SILENT)->malformed, 1);
	close(fd);
	driver.destroy(driver.context, 0);
	close_driver();
}

static void what_was_not_opened_yet_can_be_finished(void)
{
	static const uint16_t kinds[] = {UPSTREAM_TCP, UPSTREAM_TLS};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(kinds); i++) {
		open_driver(STREAM_FIXTURE_ECHO);
		open_slot(0, kinds[i]);
		driver.finish(driver.context, 0);
		for (int more = 0; more < 5; more++)
			turn();
		CU_ASSERT_EQUAL(streams.told[0].opened, 0);
		CU_ASSERT_EQUAL(streams.told[0].lost, 0);
		UNTIL(fixture.counters->open == 0);
		driver.destroy(driver.context, 0);
		close_driver();
	}
}

static void slots_are_used_again_and_nothing_is_left(void)
{
	enum {
		COUNT = 2000
	};
	int before;

	open_driver(STREAM_FIXTURE_ECHO);
	before = stream_fixture_descriptors();
	for (int i = 0; i < COUNT; i++) {
		uint16_t slot = (uint16_t)(i % SLOTS);

		open_slot(slot, i % 50 ? UPSTREAM_TCP : UPSTREAM_TLS);
		UNTIL(streams.told[slot].opened == 1);
		CU_ASSERT_EQUAL(send_query(slot, 3, 40), 0);
		if (i % 3)
			UNTIL(streams.told[slot].received == 1);
		if (i % 2)
			driver.finish(driver.context, slot);
		if (i % 4)
			turn();
		driver.destroy(driver.context, slot);
	}
	UNTIL(fixture.counters->open == 0);
	CU_ASSERT_EQUAL(stream_fixture_descriptors(), before);
	close_driver();
}

static const struct unit_case cases[] = {
	{"each query has a record of its own", each_query_has_a_record_of_its_own},
	{"queries go over TCP", queries_go_over_tcp},
	{"queries go over TLS", queries_go_over_tls},
	{"finish sends what is queued first", finish_sends_what_is_queued_first},
	{"finish may come within a reply", finish_may_come_within_a_reply},
	{"a second handshake is resumed", a_second_handshake_is_resumed},
	{"a handshake after a reload is resumed", a_handshake_after_a_reload_is_resumed},
	{"a certificate for another is refused", a_certificate_for_another_is_refused},
	{"nobody there is refused", nobody_there_is_refused},
	{"an end in mid-message is told", an_end_in_mid_message_is_told},
	{"replies before a reset are told", replies_before_a_reset_are_told},
	{"a reply shorter than a header ends the connection",
		a_reply_shorter_than_a_header_ends_the_connection},
	{"what was not opened yet can be finished", what_was_not_opened_yet_can_be_finished},
	{"slots are used again and nothing is left", slots_are_used_again_and_nothing_is_left},
};

UNIT_MAIN("stream_upstreams", cases)
