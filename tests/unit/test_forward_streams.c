// SPDX-License-Identifier: BSD-3-Clause
// Clients and upstreams over TCP and TLS: which way an attempt goes, and what comes back.
#include "config_folder.h"
#include "forward_stream_fixture.h"

#define ONE_UPSTREAM ".:53 {\n forward . 192.0.2.53\n}\n"
#define TWO_UPSTREAMS ".:53 {\n forward . 192.0.2.53 192.0.2.54 {\n policy sequential\n }\n}\n"

// As the client came; the answer is as long as a message over TCP may be.
static void a_stream_client_is_asked_for_over_a_stream(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct draft reply;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	stream_query(&fixture);
	CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 0);
	attempt = take_ask(&fixture);
	CU_ASSERT_EQUAL(attempt.upstream, 0);
	CU_ASSERT_EQUAL(attempt.until, fixture.now + 2 * CLOCK_SECOND);
	make_reply(&reply, 6000);
	stream_reply(&fixture, &attempt, &reply);
	expect_answer(&fixture, draft_length(&reply));
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_ANSWERED), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_STREAM_ANSWERS), 1);
	fixture_close(&fixture);
}

static void force_tcp_takes_a_datagram_to_a_stream(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct net_frame *sent;
	struct draft reply;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	fixture.set->groups[0].settings.force_tcp = true;
	datagram_query(&fixture);
	attempt = take_ask(&fixture);
	make_reply(&reply, 6000);
	stream_reply(&fixture, &attempt, &reply);
	sent = fixture_sent(&fixture, 0);
	CU_ASSERT(sent->payload_length <= 512);
	CU_ASSERT(bytes_load_u16(net_frame_payload(sent) + DNS_FLAGS_OFFSET) & DNS_FLAG_TC);
	CU_ASSERT_EQUAL(bytes_load_u16(net_frame_payload(sent)), 0x1234);
	fixture_close(&fixture);
}

static void tls_is_always_a_stream(void)
{
	struct forward_fixture fixture;
	struct draft reply;
	struct forward_stream_attempt attempt;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	fixture.set->groups[0].settings.prefer_udp = true;
	fixture.set->upstreams[0].is_tls = true;
	datagram_query(&fixture);
	attempt = take_ask(&fixture);
	make_reply(&reply, 4);
	stream_reply(&fixture, &attempt, &reply);
	CU_ASSERT_EQUAL(fixture_sent(&fixture, 0)->payload_length, draft_length(&reply));
	fixture_close(&fixture);
}

static void prefer_udp_asks_again_over_tcp_where_a_reply_was_cut(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct draft reply;

	fixture_open(&fixture, TWO_UPSTREAMS, 1, 16);
	fixture.set->groups[0].settings.prefer_udp = true;
	stream_query(&fixture);
	CU_ASSERT_EQUAL(fixture.sinks[0].ask_count, 0);
	datagram_reply(&fixture, DNS_FLAG_TC);
	CU_ASSERT_EQUAL(fixture.sinks[0].answer_count, 0);
	attempt = take_ask(&fixture);
	CU_ASSERT_EQUAL(attempt.upstream, 0); // the same
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_AFTER_TC), 1);
	make_reply(&reply, 3000);
	stream_reply(&fixture, &attempt, &reply);
	expect_answer(&fixture, draft_length(&reply));
	fixture_close(&fixture);
}

static void without_prefer_udp_a_cut_reply_is_relayed(void)
{
	struct forward_fixture fixture;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	datagram_query(&fixture);
	datagram_reply(&fixture, DNS_FLAG_TC);
	CU_ASSERT_EQUAL(fixture.sinks[0].ask_count, 0);
	CU_ASSERT(bytes_load_u16(net_frame_payload(fixture_sent(&fixture, 0)) + DNS_FLAGS_OFFSET) &
		  DNS_FLAG_TC);
	fixture_close(&fixture);
}

static void a_failure_goes_to_the_next_upstream(void)
{
	struct forward_stream_attempt first;
	struct forward_stream_attempt second;
	struct forward_fixture fixture;
	struct draft reply;

	fixture_open(&fixture, TWO_UPSTREAMS, 1, 16);
	stream_query(&fixture);
	first = take_ask(&fixture);
	stream_failure(&fixture, &first, PROXY_FAILURE_UNREACHABLE);
	second = take_ask(&fixture);
	CU_ASSERT_EQUAL(second.upstream, 1);
	make_reply(&reply, 4);
	// What the first one has to say now is too late.
	stream_reply(&fixture, &first, &reply);
	stream_failure(&fixture, &first, PROXY_FAILURE_UNREACHABLE);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_LATE), 2);
	CU_ASSERT_EQUAL(fixture.sinks[0].answer_count, 0);
	stream_reply(&fixture, &second, &reply);
	expect_answer(&fixture, draft_length(&reply));
	stream_reply(&fixture, &second, &reply);
	CU_ASSERT_EQUAL(fixture.sinks[0].answer_count, 1);
	fixture_close(&fixture);
}

static void a_reply_to_another_question_fails_the_attempt(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct draft reply;

	fixture_open(&fixture, TWO_UPSTREAMS, 1, 16);
	stream_query(&fixture);
	attempt = take_ask(&fixture);
	make_reply(&reply, 4);
	reply.bytes[DNS_HEADER_BYTES + 1] = 'x';
	stream_reply(&fixture, &attempt, &reply);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_GARBAGE), 1);
	CU_ASSERT_EQUAL(take_ask(&fixture).upstream, 1);
	fixture.now += 3 * CLOCK_SECOND;
	forward_lcore_expire(fixture.lcores[0], fixture.now);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_ATTEMPT_TIMEOUTS), 1);
	fixture_close(&fixture);
}

// Until the deadline ends the query, ever later, and never more than a pause of 256 ms apart.
static void refusals_are_asked_again_after_pauses_that_grow(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	uint64_t begun;
	uint64_t asked_at;
	uint64_t longest = 0;
	uint32_t attempts = 1;

	fixture_open(&fixture, TWO_UPSTREAMS, 1, 16);
	fixture.set->groups[0].settings.force_tcp = true;
	fixture.set->groups[0].settings.max_connect_attempts = 0;
	stream_query(&fixture);
	attempt = take_ask(&fixture);
	begun = asked_at = fixture.now;
	while (!fixture.sinks[0].answer_count && fixture.now < begun + 6 * CLOCK_SECOND) {
		stream_failure(&fixture, &attempt, PROXY_FAILURE_REFUSED);
		while (!fixture.sinks[0].ask_count && !fixture.sinks[0].answer_count) {
			fixture.now += CLOCK_MILLISECOND;
			forward_lcore_expire(fixture.lcores[0], fixture.now);
		}
		if (fixture.sinks[0].answer_count)
			break;
		attempt = take_ask(&fixture);
		CU_ASSERT_EQUAL(attempt.upstream, attempts % 2);
		attempts++;
		longest = fixture.now - asked_at > longest ? fixture.now - asked_at : longest;
		asked_at = fixture.now;
	}
	CU_ASSERT_EQUAL_FATAL(fixture.sinks[0].answer_count, 1);
	CU_ASSERT(fixture.now - begun >= 5 * CLOCK_SECOND);
	CU_ASSERT(fixture.now - begun <= 5 * CLOCK_SECOND + 3 * CLOCK_MILLISECOND);
	// 2 rounds at once, 8 that double, and one about each 256 ms.
	CU_ASSERT(attempts >= 2 * 2 + 2 * 8 + 2 * 17 && attempts <= 2 * 2 + 2 * 8 + 2 * 19);
	CU_ASSERT(longest >= 256 * CLOCK_MILLISECOND && longest <= 259 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_FAILED), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_ATTEMPT_TIMEOUTS), 0);
	fixture_close(&fixture);
}

static void no_answer_in_time_is_servfail(void)
{
	struct forward_fixture fixture;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	stream_query(&fixture);
	for (int i = 0; i < 2; i++) {
		fixture.now += 2 * CLOCK_SECOND + 2 * FIXTURE_MILLISECOND;
		(void)take_ask(&fixture);
		forward_lcore_expire(fixture.lcores[0], fixture.now);
	}
	CU_ASSERT_EQUAL_FATAL(fixture.sinks[0].answer_count, 1);
	CU_ASSERT_EQUAL(
		net_frame_payload(&fixture.sinks[0].answers[0].frame)[3] & 0xf, DNS_RCODE_SERVFAIL);
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 0);
	fixture_close(&fixture);
}

static void no_room_for_a_stream_is_servfail(void)
{
	struct forward_fixture fixture;

	fixture_open(&fixture, TWO_UPSTREAMS, 1, 16);
	fixture.sinks[0].asks_are_full = true;
	stream_query(&fixture);
	CU_ASSERT_EQUAL_FATAL(fixture.sinks[0].answer_count, 1);
	CU_ASSERT_EQUAL(
		net_frame_payload(&fixture.sinks[0].answers[0].frame)[3] & 0xf, DNS_RCODE_SERVFAIL);
	expect_answer(&fixture, fixture.sinks[0].answers[0].frame.payload_length);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_STREAM_FULL), 1);
	fixture_close(&fixture);
}

static void who_gets_no_answer_is_told(void)
{
	struct forward_fixture fixture;
	struct draft draft;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	draft_start(&draft, DNS_FLAG_QR);
	stream_query_bytes(&fixture, draft.bytes, draft_length(&draft));
	stream_query_bytes(&fixture, draft.bytes, DNS_HEADER_BYTES - 1);
	CU_ASSERT_EQUAL(fixture.sinks[0].unanswered, 2);
	// A retry that finds no frame.
	stream_query(&fixture);
	fixture.sinks[0].has_no_frames = true;
	fixture.now += 3 * CLOCK_SECOND;
	forward_lcore_expire(fixture.lcores[0], fixture.now);
	CU_ASSERT_EQUAL(fixture.sinks[0].unanswered, 3);
	fixture_close(&fixture);
}

static void errors_go_back_over_the_stream(void)
{
	struct forward_fixture fixture;
	struct draft draft;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	draft_start(&draft, DNS_FLAG_RD | 2 << 11); // STATUS
	stream_query_bytes(&fixture, draft.bytes, draft_length(&draft));
	CU_ASSERT_EQUAL_FATAL(fixture.sinks[0].answer_count, 1);
	CU_ASSERT_EQUAL(
		net_frame_payload(&fixture.sinks[0].answers[0].frame)[3] & 0xf, DNS_RCODE_NOTIMP);
	fixture_close(&fixture);
}

static void an_address_no_longer_served_is_silent(void)
{
	struct forward_fixture fixture;
	struct draft draft;
	struct forward_stream_query query = {.client = stream_client};

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	query.local = fixture_endpoint("192.0.2.77", 53);
	draft_start(&draft, DNS_FLAG_RD);
	CU_ASSERT_FATAL(fixture_allocate(&fixture.sinks[0], &query.frame));
	memcpy(net_frame_payload(&query.frame), draft.bytes, draft_length(&draft));
	net_frame_payload_rewritten(&query.frame, draft_length(&draft));
	forward_lcore_receive_stream_queries(fixture.lcores[0], &query, 1, fixture.now);
	CU_ASSERT_EQUAL(fixture.sinks[0].unanswered, 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_NO_LISTENER), 1);
	fixture_close(&fixture);
}

// A query with these options in OPT, over TCP or TLS.
static void query_with_options(
	struct forward_fixture *fixture, bool is_tls, const char *options, size_t length)
{
	struct forward_stream_query query = {
		.local = fixture_endpoint("192.0.2.2", is_tls ? 853 : 53),
		.client = stream_client,
		.is_tls = is_tls,
	};
	struct draft draft;

	draft_start(&draft, DNS_FLAG_RD);
	draft_add_opt(&draft, ADDITIONAL, 1232, 0, options, length);
	CU_ASSERT_FATAL(fixture_allocate(&fixture->sinks[0], &query.frame));
	memcpy(net_frame_payload(&query.frame), draft.bytes, draft_length(&draft));
	net_frame_payload_rewritten(&query.frame, draft_length(&draft));
	forward_lcore_set_stream_timeout(fixture->lcores[0], 10 * CLOCK_SECOND);
	forward_lcore_receive_stream_queries(fixture->lcores[0], &query, 1, fixture->now);
}

// The options of the query that goes upstream, and then those of the answer.
static void expect_hop_options(struct forward_fixture *fixture, const char *asked,
	size_t asked_length, const char *told, size_t told_length)
{
	const struct net_frame *ask = &fixture->sinks[0].asks[0].frame;
	struct forward_stream_attempt attempt;
	struct dns_message message;
	const uint8_t *bytes;
	struct draft reply;

	CU_ASSERT_EQUAL_FATAL(
		dns_message_read(&message, net_frame_payload(ask), ask->payload_length),
		DNS_READ_GOOD);
	CU_ASSERT_EQUAL_FATAL(message.edns.length, 11 + asked_length);
	CU_ASSERT_EQUAL(
		memcmp(net_frame_payload(ask) + message.edns.offset + 11, asked, asked_length), 0);
	attempt = take_ask(fixture);
	make_reply(&reply, 4);
	// The upstream's own keepalive is for us alone.
	draft_add_opt(&reply, ADDITIONAL, 1232, 0, "\0\x0b\0\2\0\1", 6);
	stream_reply(fixture, &attempt, &reply);
	CU_ASSERT_EQUAL_FATAL(fixture->sinks[0].answer_count, 1);
	bytes = net_frame_payload(&fixture->sinks[0].answers[0].frame);
	CU_ASSERT_EQUAL_FATAL(dns_message_read(&message, bytes,
				      fixture->sinks[0].answers[0].frame.payload_length),
		DNS_READ_GOOD);
	CU_ASSERT_EQUAL_FATAL(message.edns.length, 11 + told_length);
	CU_ASSERT_EQUAL(memcmp(bytes + message.edns.offset + 11, told, told_length), 0);
	fixture_clear(fixture);
}

// RFC 7828: asked for with an empty option, told in tenths of a second, and for this hop alone.
static void keepalive_is_told_to_who_asks(void)
{
	struct forward_fixture fixture;

	fixture_open(&fixture, ONE_UPSTREAM, 1, 16);
	query_with_options(&fixture, false, "\0\x0a\0\2hi\0\x0b\0\0", 10);
	expect_hop_options(&fixture, "\0\x0a\0\2hi", 6, "\0\x0b\0\2\0\x64", 6);
	query_with_options(&fixture, false, "\0\x0a\0\2hi", 6);
	expect_hop_options(&fixture, "\0\x0a\0\2hi", 6, "", 0);
	// Padding means nothing without TLS.
	query_with_options(&fixture, false, "\0\x0c\0\1\0", 5);
	expect_hop_options(&fixture, "", 0, "", 0);
	fixture_close(&fixture);
}

// RFC 8467: whole blocks of 468 bytes.
static void padding_fills_a_block_over_tls(void)
{
	struct forward_fixture fixture;
	struct forward_stream_attempt attempt;
	struct config_folder folder;
	char text[3 * CONFIG_FOLDER_PATH];
	struct draft reply;

	config_folder_create(&folder);
	config_folder_write(&folder, "pem", "not looked at before a context is made of it");
	snprintf(text, sizeof(text), "tls://. {\n tls %s/pem %s/pem\n forward . 192.0.2.53\n}\n",
		folder.path, folder.path);
	fixture_open(&fixture, text, 1, 16);
	query_with_options(&fixture, true, "\0\x0c\0\1\0", 5);
	attempt = take_ask(&fixture);
	make_reply(&reply, 600);
	draft_add_opt(&reply, ADDITIONAL, 1232, 0, "", 0);
	stream_reply(&fixture, &attempt, &reply);
	expect_answer(&fixture, 2 * 468);
	fixture_close(&fixture);
	config_folder_destroy(&folder);
}

static const struct unit_case cases[] = {
	{"a stream client is asked for over a stream", a_stream_client_is_asked_for_over_a_stream},
	{"force_tcp takes a datagram to a stream", force_tcp_takes_a_datagram_to_a_stream},
	{"tls is always a stream", tls_is_always_a_stream},
	{"prefer_udp asks again over tcp where a reply was cut",
		prefer_udp_asks_again_over_tcp_where_a_reply_was_cut},
	{"without prefer_udp a cut reply is relayed", without_prefer_udp_a_cut_reply_is_relayed},
	{"a failure goes to the next upstream", a_failure_goes_to_the_next_upstream},
	{"a reply to another question fails the attempt",
		a_reply_to_another_question_fails_the_attempt},
	{"refusals are asked again after pauses that grow",
		refusals_are_asked_again_after_pauses_that_grow},
	{"no answer in time is SERVFAIL", no_answer_in_time_is_servfail},
	{"no room for a stream is SERVFAIL", no_room_for_a_stream_is_servfail},
	{"who gets no answer is told", who_gets_no_answer_is_told},
	{"errors go back over the stream", errors_go_back_over_the_stream},
	{"an address no longer served is silent", an_address_no_longer_served_is_silent},
	{"keepalive is told to who asks", keepalive_is_told_to_who_asks},
	{"padding fills a block over tls", padding_fills_a_block_over_tls},
};

UNIT_MAIN("forward_streams", cases)
