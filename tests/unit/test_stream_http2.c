// SPDX-License-Identifier: BSD-3-Clause
// Queries as streams of HTTP/2, against a server session of nghttp2; all in memory.
#include "http2_server.h"

#include <errno.h>

#include "base/bytes.h"
#include "stream/http2.h"

#define TYPE "application/dns-message"
#define TOLD_MOST 64

enum told_kind {
	TOLD_RECEIVED,
	TOLD_FAILED,
	TOLD_REFUSED,
	TOLD_LIMITED,
	TOLD_CLOSING,
};

struct told {
	enum told_kind kind;
	uint16_t id;
	uint16_t length;
	uint8_t last; // byte of a reply
	enum stream_http2_failure failure;
	uint16_t status;
	uint32_t most;
};

static struct stream_memory memory;
static struct stream_buffer output;
static struct stream_http2 *http2;
static struct http2_server server;
static struct told told[TOLD_MOST];
static uint32_t told_count;
static uint32_t ask_within; // asked again in the next events

static void note(struct told what)
{
	CU_ASSERT_FATAL(told_count < TOLD_MOST);
	told[told_count++] = what;
}

static void ask(uint16_t id, size_t length, enum stream_http2_method method)
{
	uint8_t message[STREAM_HTTP2_QUERY_MOST];

	for (size_t i = 0; i < length; i++)
		message[i] = (uint8_t)(id + i);
	bytes_store_u16(message, id);
	CU_ASSERT_EQUAL(stream_http2_ask(http2, message, length, method), 0);
}

static void received(void *context, const uint8_t *message, uint16_t length)
{
	(void)context;
	note((struct told){.kind = TOLD_RECEIVED,
		.id = bytes_load_u16(message),
		.length = length,
		.last = message[length - 1]});
	if (ask_within) {
		ask_within--;
		ask(1000, 30, STREAM_HTTP2_POST);
	}
}

static void failed(void *context, uint16_t id, enum stream_http2_failure failure, uint16_t status)
{
	(void)context;
	note((struct told){.kind = TOLD_FAILED, .id = id, .failure = failure, .status = status});
}

static void refused(void *context, uint16_t id)
{
	(void)context;
	note((struct told){.kind = TOLD_REFUSED, .id = id});
}

static void limited(void *context, uint32_t most)
{
	(void)context;
	note((struct told){.kind = TOLD_LIMITED, .most = most});
}

static void closing(void *context)
{
	(void)context;
	note((struct told){.kind = TOLD_CLOSING});
}

static const struct stream_http2_events events = {received, failed, refused, limited, closing};

// What the server has to say. Returns stream_http2_receive()'s last word.
static int take_from_server(size_t piece)
{
	const uint8_t *bytes;
	ssize_t length;
	int error = 0;

	while (!error && (length = nghttp2_session_mem_send(server.session, &bytes)) > 0) {
		for (size_t at = 0; !error && at < (size_t)length; at += piece) {
			size_t more = (size_t)length - at < piece ? (size_t)length - at : piece;

			error = stream_http2_receive(http2, bytes + at, more);
		}
	}
	return error;
}

static void give_to_server(void)
{
	while (stream_http2_wants_write(http2) || stream_buffer_length(&output)) {
		size_t length;

		CU_ASSERT_EQUAL_FATAL(stream_http2_write(http2, &output), 0);
		length = stream_buffer_length(&output);
		if (!length)
			return;
		CU_ASSERT_EQUAL(
			nghttp2_session_mem_recv(server.session, stream_buffer_at(&output), length),
			(ssize_t)length);
		stream_buffer_take(&memory, &output, length);
	}
}

// Back and forth until neither says more.
static void talk(void)
{
	for (int i = 0; i < 100; i++) {
		give_to_server();
		CU_ASSERT_EQUAL(take_from_server(SIZE_MAX / 2), 0);
		if (!stream_http2_wants_write(http2) && !nghttp2_session_want_write(server.session))
			return;
	}
	CU_FAIL("they do not come to an end");
}

static void open_both(uint32_t streams)
{
	memset(&memory, 0, sizeof(memory));
	memory.bytes_most = 10000000;
	memset(told, 0, sizeof(told));
	told_count = 0;
	ask_within = 0;
	http2_server_open(&server, streams);
	http2 = stream_http2_create("dns.example.test", &memory, &events, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(http2);
}

static void open_settled(void)
{
	open_both(100);
	talk();
	CU_ASSERT_EQUAL(told_count, 1);
	CU_ASSERT_EQUAL(told[0].kind, TOLD_LIMITED);
	CU_ASSERT_EQUAL(told[0].most, 100);
	told_count = 0;
}

static void close_both(void)
{
	stream_http2_destroy(http2);
	http2_server_close(&server);
	stream_buffer_release(&memory, &output);
	CU_ASSERT_EQUAL(memory.bytes, 0);
	stream_memory_fini(&memory);
}

static void a_post_has_the_message_as_its_body(void)
{
	static const uint8_t expected[14] = {0, 0, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
	const struct http2_request *request = &server.requests[0];

	open_both(0);
	CU_ASSERT_FALSE(server.allows_push);
	ask(7, 14, STREAM_HTTP2_POST);
	talk();
	CU_ASSERT_EQUAL(server.whole_count, 1);
	CU_ASSERT_STRING_EQUAL(request->method, "POST");
	CU_ASSERT_STRING_EQUAL(request->scheme, "https");
	CU_ASSERT_STRING_EQUAL(request->authority, "dns.example.test");
	CU_ASSERT_STRING_EQUAL(request->path, "/dns-query");
	CU_ASSERT_STRING_EQUAL(request->accept, TYPE);
	CU_ASSERT_STRING_EQUAL(request->type, TYPE);
	CU_ASSERT_STRING_EQUAL(request->length, "14");
	CU_ASSERT_EQUAL(request->body_length, 14);
	CU_ASSERT_EQUAL(memcmp(request->body, expected, 14), 0);
	CU_ASSERT_FALSE(server.allows_push);
	close_both();
}

// The example of RFC 8484, section 4.1.1: www.example.com, whatever its id.
static void a_get_has_the_message_in_its_path(void)
{
	static const uint8_t query[] = "\xab\xcd\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0\0\1\0\1";
	const struct http2_request *request = &server.requests[0];

	open_settled();
	CU_ASSERT_EQUAL(stream_http2_ask(http2, query, sizeof(query) - 1, STREAM_HTTP2_GET), 0);
	talk();
	CU_ASSERT_EQUAL(server.whole_count, 1);
	CU_ASSERT_STRING_EQUAL(request->method, "GET");
	CU_ASSERT_STRING_EQUAL(request->authority, "dns.example.test");
	CU_ASSERT_STRING_EQUAL(
		request->path, "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB");
	CU_ASSERT_STRING_EQUAL(request->accept, TYPE);
	CU_ASSERT_STRING_EQUAL(request->type, "");
	CU_ASSERT_EQUAL(request->body_length, 0);
	http2_server_answer(&server, 0, 1, 50);
	talk();
	CU_ASSERT_EQUAL(told_count, 1);
	CU_ASSERT_EQUAL(told[0].kind, TOLD_RECEIVED);
	CU_ASSERT_EQUAL(told[0].id, 0xabcd);
	close_both();
}

// Of each length modulo 3, and with both digits that are not those of plain base64.
static void base64_has_no_padding(void)
{
	static const struct {
		uint8_t last[4];
		size_t length;
		const char *text;
	} ends[] = {{{0xff}, 1, "_w"}, {{0xfb, 0xf0}, 2, "-_A"}, {{0xfb, 0xff, 0xbf}, 3, "-_-_"}};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(ends); i++) {
		uint8_t message[16] = {0};
		char path[64];

		open_settled();
		memcpy(message + 12, ends[i].last, ends[i].length);
		CU_ASSERT_EQUAL(
			stream_http2_ask(http2, message, 12 + ends[i].length, STREAM_HTTP2_GET), 0);
		talk();
		snprintf(path, sizeof(path), "/dns-query?dns=AAAAAAAAAAAAAAAA%s", ends[i].text);
		CU_ASSERT_STRING_EQUAL(server.requests[0].path, path);
		close_both();
	}
}

static void queries_have_bounds(void)
{
	static uint8_t message[STREAM_HTTP2_QUERY_MOST + 1];

	open_settled();
	CU_ASSERT_EQUAL(stream_http2_ask(http2, message, 11, STREAM_HTTP2_POST), -EMSGSIZE);
	CU_ASSERT_EQUAL(
		stream_http2_ask(http2, message, sizeof(message), STREAM_HTTP2_GET), -EMSGSIZE);
	for (int method = STREAM_HTTP2_POST; method <= STREAM_HTTP2_GET; method++)
		ask((uint16_t)method, STREAM_HTTP2_QUERY_MOST, (enum stream_http2_method)method);
	talk();
	CU_ASSERT_EQUAL(server.whole_count, 2);
	CU_ASSERT_EQUAL(server.requests[0].body_length, STREAM_HTTP2_QUERY_MOST);
	CU_ASSERT_EQUAL(strlen(server.requests[1].path), 15 + (4096 * 4 + 2) / 3);
	close_both();
}

static void replies_come_in_any_order(void)
{
	static const uint32_t order[] = {3, 0, 4, 1, 2};

	open_settled();
	for (uint16_t id = 0; id < 5; id++)
		ask((uint16_t)(500 + id), 40, STREAM_HTTP2_POST);
	talk();
	CU_ASSERT_EQUAL(server.whole_count, 5);
	CU_ASSERT_EQUAL(server.interleaved, 0);
	for (uint32_t i = 0; i < 5; i++) {
		http2_server_answer(&server, order[i], (uint8_t)order[i], 100 + order[i]);
		talk();
		CU_ASSERT_EQUAL(told_count, i + 1);
		CU_ASSERT_EQUAL(told[i].kind, TOLD_RECEIVED);
		CU_ASSERT_EQUAL(told[i].id, 500 + order[i]);
		CU_ASSERT_EQUAL(told[i].length, 100 + order[i]);
		CU_ASSERT_EQUAL(told[i].last, (uint8_t)(order[i] + 99 + order[i]));
	}
	close_both();
}

// Byte by byte, of the least and the longest.
static void replies_come_in_pieces(void)
{
	static const size_t lengths[] = {12, 65535};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(lengths); i++) {
		open_settled();
		ask(77, 40, STREAM_HTTP2_POST);
		talk();
		http2_server_answer(&server, 0, 9, lengths[i]);
		for (int turn = 0; turn < 100 && told_count == 0; turn++) {
			CU_ASSERT_EQUAL(take_from_server(1), 0);
			give_to_server();
		}
		CU_ASSERT_EQUAL(told_count, 1);
		CU_ASSERT_EQUAL(told[0].kind, TOLD_RECEIVED);
		CU_ASSERT_EQUAL(told[0].length, lengths[i]);
		CU_ASSERT_EQUAL(told[0].last, (uint8_t)(9 + lengths[i] - 1));
		close_both();
	}
}

static const struct {
	const char *status;
	const char *type;
	size_t length;
	enum stream_http2_failure failure;
} bad_responses[] = {
	{"404", "text/html", 100, STREAM_HTTP2_STATUS},
	{"500", TYPE, 100, STREAM_HTTP2_STATUS},
	{"300", TYPE, 100, STREAM_HTTP2_STATUS},
	{"404", NULL, 0, STREAM_HTTP2_STATUS},
	{"200", "text/html", 100, STREAM_HTTP2_TYPE},
	{"200", TYPE "s", 100, STREAM_HTTP2_TYPE},
	{"200", NULL, 100, STREAM_HTTP2_TYPE},
	{"200", TYPE, 0, STREAM_HTTP2_LENGTH},
	{"200", TYPE, 11, STREAM_HTTP2_LENGTH},
	{"200", TYPE, 65536, STREAM_HTTP2_LENGTH},
	{"200", TYPE, 69999, STREAM_HTTP2_LENGTH},
};

// Each fails its query alone.
static void bad_responses_fail(void)
{
	static uint8_t body[70000];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(bad_responses); i++) {
		open_settled();
		ask(3, 40, STREAM_HTTP2_POST);
		ask(4, 40, STREAM_HTTP2_GET);
		talk();
		http2_server_respond(&server, 0, bad_responses[i].status, bad_responses[i].type,
			body, bad_responses[i].length);
		talk();
		CU_ASSERT_EQUAL(told_count, 1);
		CU_ASSERT_EQUAL(told[0].kind, TOLD_FAILED);
		CU_ASSERT_EQUAL(told[0].id, 3);
		CU_ASSERT_EQUAL(told[0].failure, bad_responses[i].failure);
		CU_ASSERT_EQUAL(told[0].status, atoi(bad_responses[i].status));
		http2_server_answer(&server, 1, 0, 60);
		talk();
		CU_ASSERT_EQUAL(told_count, 2);
		CU_ASSERT_EQUAL(told[1].kind, TOLD_RECEIVED);
		CU_ASSERT_EQUAL(told[1].id, 4);
		close_both();
	}
}

static void good_responses_have_parameters_and_any_2xx(void)
{
	static const char *const types[] = {
		TYPE "; charset=utf-8", "Application/DNS-Message", TYPE};
	static const char *const statuses[] = {"200", "203", "299"};
	static const uint8_t body[30];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(types); i++) {
		const nghttp2_nv early = http2_server_nv(":status", "103");

		open_settled();
		ask(3, 40, STREAM_HTTP2_POST);
		talk();
		// One of 1xx says nothing yet.
		CU_ASSERT_EQUAL(nghttp2_submit_headers(server.session, NGHTTP2_FLAG_NONE,
					server.requests[0].stream, NULL, &early, 1, NULL),
			0);
		talk();
		CU_ASSERT_EQUAL(told_count, 0);
		http2_server_respond(&server, 0, statuses[i], types[i], body, sizeof(body));
		talk();
		CU_ASSERT_EQUAL(told_count, 1);
		CU_ASSERT_EQUAL(told[0].kind, TOLD_RECEIVED);
		close_both();
	}
}

static void a_reset_fails_or_refuses(void)
{
	static const struct {
		uint32_t code;
		enum told_kind kind;
	} resets[] = {{NGHTTP2_INTERNAL_ERROR, TOLD_FAILED}, {NGHTTP2_CANCEL, TOLD_FAILED},
		{NGHTTP2_NO_ERROR, TOLD_FAILED}, {NGHTTP2_REFUSED_STREAM, TOLD_REFUSED}};

	open_settled();
	for (uint32_t i = 0; i < BASE_ARRAY_SIZE(resets); i++) {
		ask((uint16_t)(10 + i), 40, STREAM_HTTP2_POST);
		talk();
		CU_ASSERT_EQUAL(nghttp2_submit_rst_stream(server.session, NGHTTP2_FLAG_NONE,
					server.requests[i].stream, resets[i].code),
			0);
		talk();
		CU_ASSERT_EQUAL(told_count, i + 1);
		CU_ASSERT_EQUAL(told[i].kind, resets[i].kind);
		CU_ASSERT_EQUAL(told[i].id, 10 + i);
		CU_ASSERT_EQUAL(
			told[i].failure, resets[i].kind == TOLD_FAILED ? STREAM_HTTP2_RESET : 0);
	}
	close_both();
}

// Those that the server has seen are answered yet, the others can be asked elsewhere.
static void goaway_refuses_what_was_not_seen(void)
{
	open_settled();
	for (uint16_t id = 0; id < 4; id++)
		ask(id, 40, STREAM_HTTP2_POST);
	talk();
	CU_ASSERT_EQUAL(nghttp2_submit_goaway(server.session, NGHTTP2_FLAG_NONE,
				server.requests[1].stream, NGHTTP2_NO_ERROR, NULL, 0),
		0);
	// This one is on its way when the GOAWAY comes, and this one waits.
	ask(4, 40, STREAM_HTTP2_POST);
	CU_ASSERT_EQUAL(stream_http2_write(http2, &output), 0);
	ask(5, 40, STREAM_HTTP2_POST);
	CU_ASSERT_EQUAL(take_from_server(SIZE_MAX / 2), 0);
	CU_ASSERT_EQUAL(told[0].kind, TOLD_CLOSING);
	talk();
	CU_ASSERT_EQUAL(told_count, 5);
	for (uint32_t i = 1; i < 5; i++) {
		CU_ASSERT_EQUAL(told[i].kind, TOLD_REFUSED);
		CU_ASSERT_TRUE(told[i].id >= 2 && told[i].id <= 5);
	}
	http2_server_answer(&server, 0, 0, 60);
	http2_server_answer(&server, 1, 0, 60);
	talk();
	CU_ASSERT_EQUAL(told_count, 7);
	CU_ASSERT_EQUAL(told[5].kind, TOLD_RECEIVED);
	CU_ASSERT_EQUAL(told[6].kind, TOLD_RECEIVED);
	CU_ASSERT_FALSE(stream_http2_wants_write(http2));
	close_both();
}

// What is more than the peer takes waits, and goes as others end.
static void no_more_is_asked_than_the_peer_takes(void)
{
	// Before the peer has said how many: some.
	open_both(0);
	for (uint16_t id = 0; id < 40; id++)
		ask(id, 40, STREAM_HTTP2_POST);
	give_to_server();
	CU_ASSERT_EQUAL(server.whole_count, 16);
	talk();
	CU_ASSERT_EQUAL(server.whole_count, 40);
	close_both();
	open_both(3);
	talk();
	told_count = 0;
	for (uint16_t id = 0; id < 40; id++)
		ask(id, 40, STREAM_HTTP2_POST);
	for (uint32_t answered = 0; answered < 40; answered++) {
		talk();
		CU_ASSERT_EQUAL(told_count, answered);
		CU_ASSERT_EQUAL(server.whole_count, answered < 37 ? answered + 3 : 40);
		http2_server_answer(&server, answered, 0, 60);
	}
	talk();
	CU_ASSERT_EQUAL(told_count, 40);
	CU_ASSERT_EQUAL(server.interleaved, 0);
	for (uint32_t i = 0; i < 40; i++)
		CU_ASSERT_EQUAL(told[i].kind, TOLD_RECEIVED);
	close_both();
}

static void what_is_cancelled_has_no_end(void)
{
	open_both(2);
	talk();
	told_count = 0;
	for (uint16_t id = 0; id < 4; id++)
		ask(id, 40, STREAM_HTTP2_POST);
	talk();
	// One that was sent, one that waits, one that nobody asked, and one that has its reply.
	stream_http2_cancel(http2, 0);
	stream_http2_cancel(http2, 2);
	stream_http2_cancel(http2, 99);
	talk();
	CU_ASSERT_EQUAL(server.requests[0].reset, NGHTTP2_CANCEL + 1);
	CU_ASSERT_EQUAL(server.whole_count, 3);
	for (uint32_t i = 1; i < 3; i++)
		http2_server_answer(&server, i, 0, 60);
	talk();
	stream_http2_cancel(http2, 1);
	talk();
	CU_ASSERT_EQUAL(told_count, 2);
	CU_ASSERT_EQUAL(told[0].id, 1);
	CU_ASSERT_EQUAL(told[1].id, 3);
	close_both();
}

// A peer that takes no streams at all does not make those pile up that nobody waits for.
static void what_waits_and_is_cancelled_is_gone(void)
{
	size_t bytes;

	open_both(1);
	talk();
	ask(1, 40, STREAM_HTTP2_POST);
	talk();
	bytes = memory.bytes;
	for (uint16_t id = 2; id < 1000; id++) {
		ask(id, 40, STREAM_HTTP2_POST);
		CU_ASSERT_FALSE(stream_http2_wants_write(http2));
		stream_http2_cancel(http2, id);
	}
	CU_ASSERT_EQUAL(memory.bytes, bytes);
	close_both();
}

static void events_may_ask(void)
{
	open_settled();
	ask(1, 40, STREAM_HTTP2_POST);
	talk();
	ask_within = 1;
	http2_server_answer(&server, 0, 0, 60);
	talk();
	CU_ASSERT_EQUAL(server.whole_count, 2);
	http2_server_answer(&server, 1, 0, 60);
	talk();
	CU_ASSERT_EQUAL(told_count, 2);
	CU_ASSERT_EQUAL(told[1].id, 1000);
	close_both();
}

// A DATA frame on a stream that was never opened; then one of garbage from the start.
static void a_broken_rule_ends_the_connection(void)
{
	static const uint8_t data[] = {0, 0, 1, 0, 0, 0, 0, 0, 9, 'x'};
	static const uint8_t garbage[40] = "HTTP/1.1 400 Bad Request\r\n";

	open_settled();
	ask(1, 40, STREAM_HTTP2_POST);
	talk();
	CU_ASSERT_EQUAL(stream_http2_receive(http2, data, sizeof(data)), -EPROTO);
	give_to_server();
	CU_ASSERT_EQUAL(server.goaway_count, 1);
	close_both();
	open_both(0);
	CU_ASSERT_EQUAL(stream_http2_receive(http2, garbage, sizeof(garbage)), -EPROTO);
	close_both();
}

static void memory_is_bounded(void)
{
	open_settled();
	ask(1, 40, STREAM_HTTP2_POST);
	talk();
	memory.bytes_most = 8192;
	http2_server_answer(&server, 0, 0, 60000);
	CU_ASSERT_EQUAL(take_from_server(SIZE_MAX / 2), -ENOBUFS);
	close_both();
}

static void finish_says_goaway(void)
{
	open_settled();
	stream_http2_finish(http2);
	CU_ASSERT_TRUE(stream_http2_wants_write(http2));
	give_to_server();
	CU_ASSERT_EQUAL(server.goaway_count, 1);
	CU_ASSERT_FALSE(stream_http2_wants_write(http2));
	close_both();
}

static const struct unit_case cases[] = {
	{"a POST has the message as its body", a_post_has_the_message_as_its_body},
	{"a GET has the message in its path", a_get_has_the_message_in_its_path},
	{"base64 has no padding", base64_has_no_padding},
	{"queries have bounds", queries_have_bounds},
	{"replies come in any order", replies_come_in_any_order},
	{"replies come in pieces", replies_come_in_pieces},
	{"bad responses fail", bad_responses_fail},
	{"good responses have parameters and any 2xx", good_responses_have_parameters_and_any_2xx},
	{"a reset fails or refuses", a_reset_fails_or_refuses},
	{"GOAWAY refuses what was not seen", goaway_refuses_what_was_not_seen},
	{"no more is asked than the peer takes", no_more_is_asked_than_the_peer_takes},
	{"what is cancelled has no end", what_is_cancelled_has_no_end},
	{"what waits and is cancelled is gone", what_waits_and_is_cancelled_is_gone},
	{"events may ask", events_may_ask},
	{"a broken rule ends the connection", a_broken_rule_ends_the_connection},
	{"memory is bounded", memory_is_bounded},
	{"finish says GOAWAY", finish_says_goaway},
};

UNIT_MAIN("stream_http2", cases)
