// SPDX-License-Identifier: BSD-3-Clause
// The driver of the exchange with an upstream over HTTPS: sockets, TLS and HTTP/2 together. The
// exchange is this test, which notes what it is told; the upstream is OpenSSL's end of a socket of
// the test, with nghttp2 behind it.
#include "http2_server.h"
#include "stream_fixture.h"
#include "tls_lab.h"

#include "stream/upstreams.h"

#define SLOT 2
#define UPSTREAM 0
#define NOTED_MOST 64

// The exchange's side: proxy_streams_opened() and the others note here.
struct proxy_streams {
	uint32_t opened;
	uint32_t lost;
	enum proxy_failure why;
	uint32_t received;
	uint16_t ids[NOTED_MOST]; // of what was received
	uint32_t failed;
	uint16_t failed_id;
	enum proxy_failure failure;
	uint32_t refused;
	uint32_t closing;
	uint32_t most;
};

static struct stream_loop loop;
static uint64_t now;
static struct proxy_streams streams;
static struct stream_upstreams *upstreams;
static struct proxy_stream_driver driver;
static struct proxy_set *set;
static int listener;
static char reason[TLS_ERROR_TEXT];

// The upstream's end.
static int fd;
static SSL_CTX *server_context;
static struct tls_lab_end server_end;
static struct http2_server server;
static bool server_is_open;

void proxy_streams_opened(struct proxy_streams *told, uint16_t slot, uint64_t at)
{
	CU_ASSERT_EQUAL(slot, SLOT);
	CU_ASSERT_EQUAL(at, now);
	told->opened++;
}

void proxy_streams_received(struct proxy_streams *told, uint16_t slot, const uint8_t *bytes,
	uint16_t length, uint64_t at)
{
	CU_ASSERT_EQUAL(slot, SLOT);
	CU_ASSERT_EQUAL(at, now);
	CU_ASSERT_TRUE_FATAL(told->received < NOTED_MOST);
	CU_ASSERT_EQUAL(bytes[length - 1], (uint8_t)(told->received + length - 1));
	told->ids[told->received++] = bytes_load_u16(bytes);
}

void proxy_streams_lost(
	struct proxy_streams *told, uint16_t slot, enum proxy_failure why, uint64_t at)
{
	CU_ASSERT_EQUAL(slot, SLOT);
	CU_ASSERT_EQUAL(at, now);
	told->lost++;
	told->why = why;
}

void proxy_streams_failed(
	struct proxy_streams *told, uint16_t slot, uint16_t id, enum proxy_failure why, uint64_t at)
{
	CU_ASSERT_EQUAL(slot, SLOT);
	CU_ASSERT_EQUAL(at, now);
	told->failed++;
	told->failed_id = id;
	told->failure = why;
}

void proxy_streams_refused(struct proxy_streams *told, uint16_t slot, uint16_t id, uint64_t at)
{
	(void)id;
	CU_ASSERT_EQUAL(slot, SLOT);
	CU_ASSERT_EQUAL(at, now);
	told->refused++;
}

// As the exchange does it with nothing in flight.
void proxy_streams_closing(struct proxy_streams *told, uint16_t slot, uint64_t at)
{
	CU_ASSERT_EQUAL(at, now);
	if (!told->closing++)
		driver.finish(driver.context, slot);
}

void proxy_streams_limited(struct proxy_streams *told, uint16_t slot, uint32_t most)
{
	CU_ASSERT_EQUAL(slot, SLOT);
	told->most = most;
}

static void note_failure(void *context, uint16_t upstream, const char *text)
{
	(void)context;
	CU_ASSERT_EQUAL(upstream, UPSTREAM);
	snprintf(reason, sizeof(reason), "%s", text);
}

static int choose(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
	const unsigned char *list, unsigned int length, void *context)
{
	(void)ssl;
	(void)list;
	(void)length;
	(void)context;
	*chosen = (const unsigned char *)"h2";
	*chosen_length = 2;
	return SSL_TLSEXT_ERR_OK;
}

static struct net_endpoint listen_on_loopback(void)
{
	struct net_endpoint endpoint = stream_fixture_loopback();
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(&endpoint, &address);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	CU_ASSERT_TRUE_FATAL(listener >= 0);
	CU_ASSERT_EQUAL_FATAL(bind(listener, (const struct sockaddr *)&address, length), 0);
	CU_ASSERT_EQUAL_FATAL(listen(listener, 10), 0);
	length = sizeof(address);
	CU_ASSERT_EQUAL_FATAL(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	stream_address_to_endpoint(&address, &endpoint);
	return endpoint;
}

static void make_set(enum proxy_http_method method)
{
	const struct proxy_upstream_template upstream = {
		.endpoint = listen_on_loopback(),
		.is_tls = true,
		.is_https = true,
		.server_name = TLS_LAB_NAME,
	};
	const struct proxy_group_template group = {
		.settings = {.max_inflight = 64, .http_method = method},
		.tls = {.ca = tls_lab_certificate(TLS_LAB_CA)},
		.upstreams = &upstream,
		.upstream_count = 1,
	};

	set = proxy_set_create(&group, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
}

static void open_driver(enum proxy_http_method method)
{
	const struct stream_upstreams_options options = {
		.connection_count = SLOT + 1,
		.memory_most = 1000000,
		.failed = note_failure,
	};
	struct tls_error error;

	now = TLS_LAB_NOW;
	memset(&streams, 0, sizeof(streams));
	reason[0] = '\0';
	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&loop), 0);
	make_set(method);
	upstreams = stream_upstreams_create(&loop, set, &options, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(upstreams);
	driver = stream_upstreams_driver(upstreams);
	stream_upstreams_join(upstreams, &streams);
	CU_ASSERT_EQUAL_FATAL(driver.open(driver.context, SLOT, UPSTREAM, true), 0);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	server_context = tls_lab_raw_server_context(TLS1_3_VERSION, TLS1_3_VERSION);
	SSL_CTX_set_alpn_select_cb(server_context, choose, NULL);
	tls_lab_end_init(&server_end, NULL, tls_lab_raw(server_context, true));
	http2_server_open(&server, 50);
	server_is_open = true;
}

static void close_driver(void)
{
	stream_upstreams_destroy(upstreams);
	stream_loop_fini(&loop);
	proxy_set_destroy(set);
	http2_server_close(&server);
	tls_lab_end_fini(&server_end);
	SSL_CTX_free(server_context);
	close(listener);
	close(fd);
}

static void server_send(void)
{
	static uint8_t bytes[65536];
	size_t length = sizeof(bytes);
	const uint8_t *frames;
	ssize_t more;

	while (SSL_is_init_finished(server_end.raw) &&
		(more = nghttp2_session_mem_send(server.session, &frames)) > 0)
		CU_ASSERT_EQUAL(SSL_write(server_end.raw, frames, (int)more), (int)more);
	tls_lab_take(&server_end, bytes, &length);
	if (length)
		CU_ASSERT_EQUAL(
			send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT), (ssize_t)length);
}

static void serve(void)
{
	static uint8_t bytes[65536];
	ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got == 0)
		server_is_open = false;
	if (got > 0)
		tls_lab_give(&server_end, bytes, (size_t)got, now);
	if (server_end.length) {
		CU_ASSERT_EQUAL(nghttp2_session_mem_recv(
					server.session, server_end.received, server_end.length),
			(ssize_t)server_end.length);
		server_end.length = 0;
	}
	server_send();
}

static void turn(void)
{
	serve();
	(void)stream_loop_wait(
		&loop, stream_upstreams_next_time(upstreams) ? STREAM_FIXTURE_TURN : 0);
	stream_loop_dispatch(&loop, now);
	stream_upstreams_read_on(upstreams, now);
	stream_upstreams_flush(upstreams, now);
}

#define UNTIL(condition) STREAM_FIXTURE_TURN_UNTIL(turn(), condition)

static int send_query(uint16_t id)
{
	uint8_t frame[2 + 40];

	stream_fixture_frame(frame, id, 40);
	return driver.send(driver.context, SLOT, frame + 2, 40);
}

static const struct stream_upstream_counts *counts(void)
{
	return stream_upstreams_counts(upstreams, UPSTREAM);
}

static void queries_are_asked_and_answered(enum proxy_http_method method, const char *name)
{
	char authority[64];

	open_driver(method);
	UNTIL(streams.opened == 1);
	for (uint16_t id = 0; id < 30; id++)
		CU_ASSERT_EQUAL(send_query((uint16_t)(id + 7)), 0);
	UNTIL(server.whole_count == 30);
	snprintf(authority, sizeof(authority), TLS_LAB_NAME ":%u", set->upstreams[0].endpoint.port);
	CU_ASSERT_STRING_EQUAL(server.requests[0].authority, authority);
	CU_ASSERT_STRING_EQUAL(server.requests[0].method, name);
	// The last first.
	for (uint32_t i = 0; i < 30; i++)
		http2_server_answer(&server, 29 - i, (uint8_t)i, 50 + 400 * i);
	UNTIL(streams.received == 30);
	CU_ASSERT_EQUAL(streams.ids[0], 36);
	CU_ASSERT_EQUAL(streams.ids[29], 7);
	CU_ASSERT_EQUAL(streams.most, 50);
	CU_ASSERT_EQUAL(counts()->handshakes, 1);
	// An orderly end: GOAWAY, close_notify and FIN.
	driver.finish(driver.context, SLOT);
	UNTIL(!server_is_open);
	CU_ASSERT_EQUAL(server.goaway_count, 1);
	CU_ASSERT_EQUAL(
		SSL_get_shutdown(server_end.raw) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	CU_ASSERT_EQUAL(streams.lost, 0);
	driver.destroy(driver.context, SLOT);
	close_driver();
}

static void queries_go_as_post(void)
{
	queries_are_asked_and_answered(PROXY_HTTP_POST, "POST");
}

static void queries_go_as_get(void)
{
	queries_are_asked_and_answered(PROXY_HTTP_GET, "GET");
}

// HTTP/2 has its say as soon as TLS is there, though nobody asks.
static void a_warm_connection_has_its_settings_exchanged(void)
{
	open_driver(PROXY_HTTP_POST);
	UNTIL(streams.most == 50);
	CU_ASSERT_EQUAL(streams.opened, 1);
	close_driver();
}

static void a_bad_status_fails_its_query_and_is_told(void)
{
	open_driver(PROXY_HTTP_POST);
	UNTIL(streams.opened == 1);
	CU_ASSERT_EQUAL(send_query(3), 0);
	CU_ASSERT_EQUAL(send_query(4), 0);
	UNTIL(server.whole_count == 2);
	http2_server_respond(&server, 1, "404", "text/html", (const uint8_t *)"no", 2);
	UNTIL(streams.failed == 1);
	CU_ASSERT_EQUAL(streams.failed_id, 4);
	CU_ASSERT_EQUAL(streams.failure, PROXY_FAILURE_HTTP);
	CU_ASSERT_STRING_EQUAL(reason, "HTTP status 404 of no use");
	CU_ASSERT_EQUAL(counts()->http_failed[STREAM_HTTP2_STATUS], 1);
	http2_server_answer(&server, 0, 0, 60);
	UNTIL(streams.received == 1);
	CU_ASSERT_EQUAL(streams.lost, 0);
	close_driver();
}

static void what_nobody_waits_for_is_cancelled(void)
{
	open_driver(PROXY_HTTP_POST);
	UNTIL(streams.opened == 1);
	CU_ASSERT_EQUAL(send_query(3), 0);
	UNTIL(server.whole_count == 1);
	driver.cancel(driver.context, SLOT, 3);
	UNTIL(server.requests[0].reset);
	CU_ASSERT_EQUAL(server.requests[0].reset, NGHTTP2_CANCEL + 1);
	CU_ASSERT_EQUAL(streams.failed + streams.received + streams.lost, 0);
	close_driver();
}

static void a_goaway_ends_an_idle_connection(void)
{
	open_driver(PROXY_HTTP_POST);
	UNTIL(streams.most == 50);
	CU_ASSERT_EQUAL(nghttp2_session_terminate_session(server.session, NGHTTP2_NO_ERROR), 0);
	UNTIL(!server_is_open);
	CU_ASSERT_EQUAL(streams.closing, 1);
	CU_ASSERT_EQUAL(streams.lost, 0);
	CU_ASSERT_EQUAL(counts()->http_closing, 1);
	close_driver();
}

static void a_broken_rule_loses_the_connection(void)
{
	static const uint8_t data[] = {0, 0, 1, 0, 0, 0, 0, 0, 9, 'x'};

	open_driver(PROXY_HTTP_POST);
	UNTIL(streams.most == 50);
	CU_ASSERT_EQUAL(SSL_write(server_end.raw, data, sizeof(data)), sizeof(data));
	UNTIL(streams.lost == 1);
	CU_ASSERT_EQUAL(streams.why, PROXY_FAILURE_GARBAGE);
	CU_ASSERT_EQUAL(counts()->malformed, 1);
	UNTIL(!server_is_open);
	CU_ASSERT_EQUAL(server.goaway_count, 1);
	close_driver();
}

static void an_end_is_told(void)
{
	open_driver(PROXY_HTTP_POST);
	UNTIL(streams.opened == 1);
	CU_ASSERT_EQUAL(send_query(3), 0);
	UNTIL(server.whole_count == 1);
	(void)shutdown(fd, SHUT_WR);
	UNTIL(streams.lost == 1);
	CU_ASSERT_EQUAL(streams.why, PROXY_FAILURE_CLOSED);
	driver.destroy(driver.context, SLOT);
	close_driver();
}

static const struct unit_case cases[] = {
	{"queries go as POST", queries_go_as_post},
	{"queries go as GET", queries_go_as_get},
	{"a warm connection has its settings exchanged",
		a_warm_connection_has_its_settings_exchanged},
	{"a bad status fails its query and is told", a_bad_status_fails_its_query_and_is_told},
	{"what nobody waits for is cancelled", what_nobody_waits_for_is_cancelled},
	{"a GOAWAY ends an idle connection", a_goaway_ends_an_idle_connection},
	{"a broken rule loses the connection", a_broken_rule_loses_the_connection},
	{"an end is told", an_end_is_told},
};

UNIT_MAIN("stream_https", cases)
