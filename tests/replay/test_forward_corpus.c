// SPDX-License-Identifier: BSD-3-Clause
// Every message of the corpus as a client's query and as an upstream's reply, framed and fed through
// a whole lcore: each ends in one verdict, what goes out is well formed, and the next good query is
// answered.
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "corpus.h"
#include "dns/message.h"
#include "forwarder.h"

#define SEED UINT64_C(0x7265706c6179)
#define GOOD_QUERY_EVERY 1000
#define SWEEP_EVERY 64
#define BUFSIZE 1232

static const char config_text[] = ". {\n"
				  "	forward . 10.53.0.11 10.53.0.12 {\n"
				  "		policy sequential\n"
				  "	}\n"
				  "}\n";

// What became of a message.
enum outcome {
	OUTCOME_DROPPED,
	OUTCOME_FORMERR,
	OUTCOME_NOTIMP,
	OUTCOME_BADVERS,
	OUTCOME_NO_ROOM, // a query longer than a slot
	OUTCOME_FORWARDED,
	OUTCOME_RELAYED,
	OUTCOME_GARBAGE, // the attempt failed, and the next upstream was asked
	OUTCOMES,
};

struct corpus_run {
	struct forwarder *forwarder;
	struct corpus *queries;
	struct corpus *replies;
	uint32_t index; // of the message at work
	struct corpus_message *message;
	struct corpus_message *good;
	struct corpus_message *good_reply;
	struct net_flow client;
	uint32_t counts[OUTCOMES];
	uint32_t wrong;
};

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

static void run_open(struct corpus_run *run)
{
	struct forwarder_options options = {
		.config_name = "corpus",
		.config_text = config_text,
		.lcore_count = 1,
		.local_port_first = 20000,
		.local_port_last = 20999,
		.pending_count = 1024,
		.local_count = 2,
	};

	*run = (struct corpus_run){0};
	(void)net_address_parse("10.53.0.2", &options.local[0]);
	(void)net_address_parse("fd53::2", &options.local[1]);
	run->forwarder = allocate(sizeof(*run->forwarder));
	run->message = allocate(sizeof(*run->message));
	run->good = allocate(sizeof(*run->good));
	run->good_reply = allocate(sizeof(*run->good_reply));
	run->queries = corpus_create(SEED, CORPUS_QUERY);
	run->replies = corpus_create(SEED, CORPUS_REPLY);
	if (!run->queries || !run->replies)
		abort();
	CU_ASSERT_EQUAL_FATAL(forwarder_start(run->forwarder, &options), 0);
}

static void run_close(struct corpus_run *run)
{
	const char *wrong = forwarder_check_end(run->forwarder);

	if (wrong)
		fprintf(stderr, "at the end, %s\n", wrong);
	CU_ASSERT_PTR_NULL(wrong);
	CU_ASSERT_EQUAL(run->wrong, 0);
	forwarder_end(run->forwarder);
	corpus_destroy(run->queries);
	corpus_destroy(run->replies);
	free(run->forwarder);
	free(run->message);
	free(run->good);
	free(run->good_reply);
}

// Names the message that a check failed for.
static void run_wrong(struct corpus_run *run, const char *what)
{
	if (run->wrong++ < 10)
		fprintf(stderr, "message %u (%s, of good message %u): %s\n", run->index,
			run->message->damage, run->message->good_number, what);
}

// Turns between a client of each IP version.
static void choose_client(struct corpus_run *run)
{
	const struct net_address *locals = run->forwarder->options.local;
	bool is_ipv4 = run->index % 2 == 0;

	run->client = (struct net_flow){
		.source.port = (uint16_t)(1024 + run->index % 60000),
		.destination = {.address = locals[is_ipv4 ? 0 : 1], .port = 53},
		.destination_mac = packet_mac_of_port(0),
		.vlan = NET_VLAN_NONE,
	};
	(void)net_address_parse(is_ipv4 ? "10.53.0.1" : "fd53::1", &run->client.source.address);
	run->client.source_mac = packet_mac_of(&run->client.source.address);
}

static void send(
	struct corpus_run *run, const struct net_flow *flow, const uint8_t *bytes, size_t length)
{
	struct net_frame frame;

	packet_make_datagram(&run->forwarder->packets, flow, bytes, (uint16_t)length, &frame);
	forwarder_receive(run->forwarder, 0, &frame);
}

static uint64_t counter(const struct corpus_run *run, enum stats_counter which)
{
	return forwarder_counter(run->forwarder, which);
}

// The one frame that left, if it went to the client.
static const struct net_frame *answer_frame(const struct corpus_run *run)
{
	const struct forwarder_sent *sent = forwarder_oldest_sent(run->forwarder);

	if (!sent || sent->frame.kind != NET_FRAME_UDP || run->forwarder->sent_count != 1 ||
		!net_endpoint_equal(&sent->frame.destination, &run->client.source) ||
		!net_endpoint_equal(&sent->frame.source, &run->client.destination))
		return NULL;
	return &sent->frame;
}

// Likewise, if it went to an upstream.
static const struct net_frame *attempt_frame(const struct corpus_run *run)
{
	const struct forwarder_sent *sent = forwarder_oldest_sent(run->forwarder);

	if (!sent || sent->frame.kind != NET_FRAME_UDP || run->forwarder->sent_count != 1 ||
		net_endpoint_equal(&sent->frame.destination, &run->client.source))
		return NULL;
	return &sent->frame;
}

static void drop_sent(struct corpus_run *run)
{
	while (run->forwarder->sent_count)
		forwarder_drop_sent(run->forwarder);
}

// What every answer to a client is: well formed, with its id, within its size. A bare header where
// the question could not be read.
static void check_answer(struct corpus_run *run, const struct corpus_message *query, int rcode)
{
	const struct net_frame *frame = answer_frame(run);
	struct dns_message asked;
	struct dns_message answer;
	enum dns_read_result read;
	const uint8_t *bytes;

	if (!frame) {
		run_wrong(run, "no answer to the client, or more than one frame");
		return;
	}
	bytes = net_frame_payload(frame);
	(void)dns_message_read(&asked, query->bytes, query->length);
	read = dns_message_read(&answer, bytes, frame->payload_length);
	if (read != DNS_READ_GOOD && !(read == DNS_READ_BAD_QUESTION && !answer.question_count &&
					     frame->payload_length == DNS_HEADER_BYTES))
		run_wrong(run, "an answer that is not well formed");
	else if (answer.id != asked.id || !(answer.flags & DNS_FLAG_QR) ||
		 answer.opcode != asked.opcode)
		run_wrong(run, "an answer with another header");
	else if (frame->payload_length > dns_message_udp_size(&asked, BUFSIZE))
		run_wrong(run, "an answer too large");
	else if (rcode >= 0 && answer.rcode != (rcode & 0xf))
		run_wrong(run, "an answer with another rcode");
	drop_sent(run);
}

// The good reply to the attempt in the only frame that left, which is taken; then the answer.
static void answer_attempt(struct corpus_run *run, const struct corpus_message *query,
	const uint8_t *bytes, size_t length)
{
	const struct net_frame *frame = attempt_frame(run);
	uint8_t copy[CORPUS_MESSAGE_BYTES];
	struct net_flow back;

	if (!frame) {
		run_wrong(run, "no query to an upstream, or more than one frame");
		drop_sent(run);
		return;
	}
	memcpy(copy, bytes, length);
	memcpy(copy, net_frame_payload(frame), 2);
	net_frame_flow_back(frame, &back);
	drop_sent(run);
	send(run, &back, copy, length);
	check_answer(run, query, -1);
}

// After anything, a good query is answered with its good reply.
static void good_query_is_answered(struct corpus_run *run)
{
	struct corpus_message *reply = run->good_reply;

	corpus_make_good(run->queries, run->index, run->good);
	corpus_make_good(run->replies, run->index, reply);
	send(run, &run->client, run->good->bytes, run->good->length);
	answer_attempt(run, run->good, reply->bytes, reply->length);
}

static void after_message(struct corpus_run *run)
{
	const char *wrong = forwarder_check(run->forwarder);

	if (wrong)
		run_wrong(run, wrong);
	if (run->forwarder->sent_count)
		run_wrong(run, "a frame too many");
	drop_sent(run);
	if (forwarder_in_flight(run->forwarder))
		run_wrong(run, "a query is still in flight");
	if (run->index % GOOD_QUERY_EVERY == 0)
		good_query_is_answered(run);
	// The manager's part: ports of attempts that failed are free again.
	if (run->index % SWEEP_EVERY == 0)
		forwarder_sweep(run->forwarder);
	forwarder_advance(run->forwarder, 100 * CLOCK_MICROSECOND);
}

// Which verdict was counted for the query sent last, by the counters before it.
static enum outcome query_outcome(const struct corpus_run *run, const struct stats_counters *before)
{
	static const struct {
		enum stats_counter counter;
		enum outcome outcome;
	} verdicts[] = {
		{STATS_QUERY_SHORT, OUTCOME_DROPPED},
		{STATS_QUERY_RESPONSE, OUTCOME_DROPPED},
		{STATS_QUERY_FORMERR, OUTCOME_FORMERR},
		{STATS_QUERY_NOTIMP, OUTCOME_NOTIMP},
		{STATS_QUERY_BADVERS, OUTCOME_BADVERS},
		{STATS_QUERY_NO_ROOM, OUTCOME_NO_ROOM},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(verdicts); i++) {
		if (counter(run, verdicts[i].counter) != stats_read(before, verdicts[i].counter))
			return verdicts[i].outcome;
	}
	return forwarder_in_flight(run->forwarder) ? OUTCOME_FORWARDED : OUTCOMES;
}

// A forwarded query went on as it came, and is answered.
static void check_forwarded(struct corpus_run *run)
{
	const struct corpus_message *query = run->message;
	const struct net_frame *frame = attempt_frame(run);
	struct dns_message read;
	uint8_t reply[CORPUS_MESSAGE_BYTES];

	if (query->is_surely_bad)
		run_wrong(run, "a bad query was forwarded");
	if (dns_message_read(&read, query->bytes, query->length) != DNS_READ_GOOD)
		run_wrong(run, "a query that can not be read was forwarded");
	if (frame && frame->payload_length != query->length)
		run_wrong(run, "a query changed its length");
	// The question alone, as a server answers that has nothing.
	memcpy(reply, query->bytes, read.question_end);
	memset(reply + 6, 0, 6);
	reply[2] |= DNS_FLAG_QR >> 8;
	answer_attempt(run, query, reply, read.question_end);
}

static void send_query(struct corpus_run *run)
{
	static const int rcodes[OUTCOMES] = {
		[OUTCOME_FORMERR] = DNS_RCODE_FORMERR,
		[OUTCOME_NOTIMP] = DNS_RCODE_NOTIMP,
		[OUTCOME_BADVERS] = DNS_RCODE_BADVERS,
		[OUTCOME_NO_ROOM] = DNS_RCODE_SERVFAIL,
	};
	const struct stats_counters before = *forward_lcore_counters(run->forwarder->lcores[0]);
	enum outcome outcome;

	send(run, &run->client, run->message->bytes, run->message->length);
	outcome = query_outcome(run, &before);
	if (outcome == OUTCOMES) {
		run_wrong(run, "no verdict");
		drop_sent(run);
		return;
	}
	run->counts[outcome]++;
	if (outcome == OUTCOME_FORWARDED)
		check_forwarded(run);
	else if (outcome != OUTCOME_DROPPED)
		check_answer(run, run->message, rcodes[outcome]);
	else if (run->message->length >= DNS_HEADER_BYTES && !(run->message->bytes[2] & 0x80))
		run_wrong(run, "a query was dropped that deserves an answer");
}

static void queries_end_in_one_verdict(void)
{
	struct corpus_run run;

	run_open(&run);
	for (run.index = 0; run.index < CORPUS_MESSAGES; run.index++) {
		choose_client(&run);
		corpus_make_damaged(run.queries, run.index, run.message);
		send_query(&run);
		after_message(&run);
	}
	printf("%u dropped, %u FORMERR, %u NOTIMP, %u BADVERS, %u too long, %u forwarded ... ",
		run.counts[OUTCOME_DROPPED], run.counts[OUTCOME_FORMERR],
		run.counts[OUTCOME_NOTIMP], run.counts[OUTCOME_BADVERS],
		run.counts[OUTCOME_NO_ROOM], run.counts[OUTCOME_FORWARDED]);
	CU_ASSERT(run.counts[OUTCOME_DROPPED] > 1000);
	CU_ASSERT(run.counts[OUTCOME_FORMERR] > 10000);
	CU_ASSERT(run.counts[OUTCOME_NOTIMP] > 100);
	CU_ASSERT(run.counts[OUTCOME_BADVERS] > 100);
	CU_ASSERT(run.counts[OUTCOME_FORWARDED] > 1000);
	run_close(&run);
}

static enum outcome reply_outcome(const struct corpus_run *run, const struct stats_counters *before)
{
	static const enum stats_counter drops[] = {
		STATS_REPLY_SHORT, STATS_REPLY_LATE, STATS_REPLY_MISMATCHED};

	if (counter(run, STATS_REPLY_RELAYED) != stats_read(before, STATS_REPLY_RELAYED))
		return OUTCOME_RELAYED;
	if (counter(run, STATS_REPLY_GARBAGE) != stats_read(before, STATS_REPLY_GARBAGE))
		return OUTCOME_GARBAGE;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(drops); i++) {
		if (counter(run, drops[i]) != stats_read(before, drops[i]))
			return OUTCOME_DROPPED;
	}
	return OUTCOMES;
}

// The damaged reply, with the right id from the right upstream, to the attempt in `sent`; then,
// unless it was relayed, the good one, to the attempt that is on its way then.
static void reply_to(struct corpus_run *run, const struct net_frame *sent)
{
	const struct stats_counters before = *forward_lcore_counters(run->forwarder->lcores[0]);
	struct corpus_message *reply = run->message;
	struct forwarder_sent kept = *forwarder_oldest_sent(run->forwarder);
	struct corpus_message *good_reply = run->good_reply;
	struct net_flow back;
	uint8_t id[2];
	enum outcome outcome;

	corpus_make_good(run->replies, reply->good_number, good_reply);
	net_frame_flow_back(sent, &back);
	memcpy(id, net_frame_payload(&kept.frame), sizeof(id));
	memcpy(reply->bytes, id, sizeof(id));
	drop_sent(run);
	send(run, &back, reply->bytes, reply->length);
	outcome = reply_outcome(run, &before);
	if (outcome == OUTCOMES)
		run_wrong(run, "no verdict");
	else
		run->counts[outcome]++;
	if (outcome == OUTCOME_RELAYED) {
		if (reply->is_surely_bad)
			run_wrong(run, "a bad reply was relayed");
		check_answer(run, run->good, -1);
	} else if (outcome == OUTCOME_GARBAGE) {
		answer_attempt(run, run->good, good_reply->bytes, good_reply->length);
	} else {
		memcpy(good_reply->bytes, id, sizeof(id));
		send(run, &back, good_reply->bytes, good_reply->length);
		check_answer(run, run->good, -1);
	}
}

static void replies_end_in_one_verdict(void)
{
	struct corpus_run run;

	run_open(&run);
	for (run.index = 0; run.index < CORPUS_MESSAGES; run.index++) {
		choose_client(&run);
		corpus_make_damaged(run.replies, run.index, run.message);
		corpus_make_good(run.queries, run.message->good_number, run.good);
		send(&run, &run.client, run.good->bytes, run.good->length);
		if (attempt_frame(&run))
			reply_to(&run, attempt_frame(&run));
		else
			run_wrong(&run, "a good query was not forwarded");
		after_message(&run);
	}
	printf("%u dropped, %u garbage, %u relayed ... ", run.counts[OUTCOME_DROPPED],
		run.counts[OUTCOME_GARBAGE], run.counts[OUTCOME_RELAYED]);
	CU_ASSERT(run.counts[OUTCOME_DROPPED] > 1000);
	CU_ASSERT(run.counts[OUTCOME_GARBAGE] > 10000);
	CU_ASSERT(run.counts[OUTCOME_RELAYED] > 1000);
	run_close(&run);
}

static const struct unit_case cases[] = {
	{"queries end in one verdict", queries_end_in_one_verdict},
	{"replies end in one verdict", replies_end_in_one_verdict},
};

UNIT_MAIN("forward_corpus", cases)
