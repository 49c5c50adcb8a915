// SPDX-License-Identifier: BSD-3-Clause
// Records in any pieces, garbage, what is refused after the handshake, and bounds of what waits.
#include "tls_lab.h"
#include "unit.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

struct pair {
	struct tls_context *server_context;
	struct tls_context *client_context;
	struct tls_peer *peer;
	struct tls_lab_end server;
	struct tls_lab_end client;
};

static struct pair make_pair(void)
{
	struct pair pair = {
		.server_context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES),
		.client_context = tls_lab_client_context(TLS_LAB_IDENTITIES, TLS_LAB_CA),
	};

	pair.peer = tls_peer_create(pair.client_context, TLS_LAB_NAME, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pair.peer);
	tls_lab_end_init(&pair.server, tls_session_create_server(pair.server_context), NULL);
	tls_lab_end_init(&pair.client, tls_session_create_client(pair.peer), NULL);
	return pair;
}

static void end_pair(struct pair *pair)
{
	tls_lab_end_fini(&pair->client);
	tls_lab_end_fini(&pair->server);
	tls_peer_destroy(pair->peer);
	tls_context_destroy(pair->client_context);
	tls_context_destroy(pair->server_context);
}

static void talk(struct pair *pair, size_t piece)
{
	tls_lab_talk(&pair->client, &pair->server, piece, TLS_LAB_NOW);
}

static uint8_t message[TLS_WRITE_MOST];

static void fill_message(void)
{
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251);
}

static void records_may_come_in_any_pieces(void)
{
	static const size_t pieces[] = {1, 2, 3, 4, 5, 6, 7, 100, 1460, 16384, 65536};

	fill_message();
	for (size_t i = 0; i < BASE_ARRAY_SIZE(pieces); i++) {
		struct pair pair = make_pair();

		talk(&pair, pieces[i]);
		CU_ASSERT_EQUAL(tls_session_state(pair.client.session), TLS_STATE_ESTABLISHED);
		CU_ASSERT_EQUAL(tls_session_state(pair.server.session), TLS_STATE_ESTABLISHED);
		CU_ASSERT_EQUAL(tls_session_write(pair.client.session, message, 40), 0);
		talk(&pair, pieces[i]);
		CU_ASSERT_EQUAL(
			tls_session_write(pair.server.session, message, sizeof(message)), 0);
		talk(&pair, pieces[i]);
		CU_ASSERT_EQUAL(pair.server.length, 40);
		CU_ASSERT_EQUAL_FATAL(pair.client.length, sizeof(message));
		CU_ASSERT_EQUAL(memcmp(pair.server.received, message, 40), 0);
		CU_ASSERT_EQUAL(memcmp(pair.client.received, message, sizeof(message)), 0);
		end_pair(&pair);
	}
}

// The whole handshake, a query and the end, with one cut at each byte of what the client sends.
static void records_may_be_cut_at_every_byte(void)
{
	size_t most = 1;

	for (size_t cut = 0; cut < most; cut++) {
		struct pair pair = make_pair();
		uint8_t bytes[4096];
		size_t sent = 0;
		bool has_written = false;

		for (;;) {
			size_t length = sizeof(bytes);

			if (cut >= sent && cut - sent < length)
				length = cut - sent > 0 ? cut - sent : 1;
			tls_lab_take(&pair.client, bytes, &length);
			if (length > 0) {
				sent += length;
				tls_lab_give(&pair.server, bytes, length, TLS_LAB_NOW);
				length = sizeof(bytes);
				tls_lab_take(&pair.server, bytes, &length);
				tls_lab_give(&pair.client, bytes, length, TLS_LAB_NOW);
			} else if (!has_written) {
				has_written = true;
				CU_ASSERT_EQUAL(
					tls_session_write(pair.client.session, message, 33), 0);
				tls_session_shutdown(pair.client.session);
			} else {
				break;
			}
		}
		CU_ASSERT_EQUAL(pair.server.length, 33);
		CU_ASSERT_EQUAL(tls_session_state(pair.server.session), TLS_STATE_CLOSED);
		most = sent;
		end_pair(&pair);
	}
	CU_ASSERT_TRUE(most > 300);
}

static void reading_little_by_little_gives_the_same(void)
{
	struct pair pair = make_pair();
	uint8_t bytes[65536], read[sizeof(message)];
	size_t length = sizeof(bytes), done = 0, got;

	fill_message();
	talk(&pair, 4096);
	CU_ASSERT_EQUAL(tls_session_write(pair.client.session, message, 20000), 0);
	tls_lab_take(&pair.client, bytes, &length);
	CU_ASSERT_EQUAL(
		tls_session_receive(pair.server.session, bytes, length, TLS_LAB_NOW), length);
	while ((got = tls_session_read(pair.server.session, read + done, 17, TLS_LAB_NOW)) > 0)
		done += got;
	CU_ASSERT_EQUAL(done, 20000);
	CU_ASSERT_EQUAL(memcmp(read, message, 20000), 0);
	end_pair(&pair);
}

static void input_that_nobody_reads_is_bounded(void)
{
	struct pair pair = make_pair();
	static uint8_t bytes[1 << 18];
	size_t length = 0, taken, room = tls_session_input_room(pair.server.session);

	talk(&pair, 4096);
	CU_ASSERT_TRUE(room > 18437 && room < 65536);
	for (int i = 0; i < 3; i++) {
		size_t piece = sizeof(bytes) - length;

		CU_ASSERT_EQUAL(tls_session_write(pair.client.session, message, 60000), 0);
		tls_lab_take(&pair.client, bytes + length, &piece);
		length += piece;
	}
	taken = tls_session_receive(pair.server.session, bytes, length, TLS_LAB_NOW);
	CU_ASSERT_EQUAL(taken, room);
	CU_ASSERT_EQUAL(tls_session_input_room(pair.server.session), 0);
	CU_ASSERT_EQUAL(tls_session_receive(
				pair.server.session, bytes + taken, length - taken, TLS_LAB_NOW),
		0);
	// Read, it goes on.
	pair.server.length +=
		tls_session_read(pair.server.session, pair.server.received, 1 << 18, TLS_LAB_NOW);
	CU_ASSERT_TRUE(tls_session_input_room(pair.server.session) > 18437);
	tls_lab_give(&pair.server, bytes + taken, length - taken, TLS_LAB_NOW);
	CU_ASSERT_EQUAL(pair.server.length, 180000);
	end_pair(&pair);
}

static void output_that_nobody_takes_is_bounded(void)
{
	struct pair pair = make_pair();
	size_t waiting;
	int written = 0;

	talk(&pair, 4096);
	while (written < 1000 && tls_session_write(pair.server.session, message, 1000) == 0)
		written++;
	CU_ASSERT_EQUAL(tls_session_write(pair.server.session, message, 1), -EAGAIN);
	CU_ASSERT_TRUE(written >= 60 && written <= 66);
	tls_session_output(pair.server.session, &waiting);
	CU_ASSERT_TRUE(waiting > TLS_OUTPUT_MOST && waiting < TLS_OUTPUT_MOST + 1100);
	CU_ASSERT_EQUAL(tls_session_input_room(pair.server.session), 0);
	talk(&pair, 4096);
	CU_ASSERT_EQUAL(pair.client.length, (size_t)written * 1000);
	CU_ASSERT_EQUAL(tls_session_write(pair.server.session, message, TLS_WRITE_MOST), 0);
	CU_ASSERT_EQUAL(
		tls_session_write(pair.server.session, message, TLS_WRITE_MOST + 1), -EMSGSIZE);
	CU_ASSERT_EQUAL(tls_session_write(pair.server.session, message, 0), -EMSGSIZE);
	end_pair(&pair);
}

// A client that asks for an answer to each of its changes of keys (RFC 8446, 4.6.3), and takes none.
static void answers_of_the_handshake_layer_are_bounded(void)
{
	struct tls_context *context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	SSL_CTX *raw_context = tls_lab_raw_client_context(TLS1_3_VERSION, TLS1_3_VERSION);
	struct tls_lab_end client, server;
	uint8_t bytes[4096], plaintext[64];
	size_t waiting = 0, given = 0;

	tls_lab_end_init(&server, tls_session_create_server(context), NULL);
	tls_lab_end_init(&client, NULL, tls_lab_raw(raw_context, false));
	tls_lab_talk(&client, &server, 4096, TLS_LAB_NOW);
	while (given < (1U << 21)) {
		size_t length = sizeof(bytes), taken;

		if (tls_session_state(server.session) != TLS_STATE_ESTABLISHED)
			break;
		CU_ASSERT_EQUAL(SSL_key_update(client.raw, SSL_KEY_UPDATE_REQUESTED), 1);
		CU_ASSERT_EQUAL(SSL_do_handshake(client.raw), 1);
		tls_lab_take(&client, bytes, &length);
		taken = tls_session_receive(server.session, bytes, length, TLS_LAB_NOW);
		tls_session_read(server.session, plaintext, sizeof(plaintext), TLS_LAB_NOW);
		given += taken;
		if (taken < length)
			break;
	}
	tls_session_output(server.session, &waiting);
	CU_ASSERT_TRUE(waiting <= TLS_OUTPUT_MOST + 40000);
	CU_ASSERT_TRUE(given < (1U << 21));
	tls_lab_end_fini(&client);
	tls_lab_end_fini(&server);
	SSL_CTX_free(raw_context);
	tls_context_destroy(context);
}

static void server_does_not_renegotiate(void)
{
	struct tls_context *context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	SSL_CTX *raw_context = tls_lab_raw_client_context(TLS1_2_VERSION, TLS1_2_VERSION);
	struct tls_lab_end client, server;
	uint8_t bytes[4096];
	size_t length = sizeof(bytes);

	tls_lab_end_init(&server, tls_session_create_server(context), NULL);
	tls_lab_end_init(&client, NULL, tls_lab_raw(raw_context, false));
	tls_lab_talk(&client, &server, 4096, TLS_LAB_NOW);
	CU_ASSERT_EQUAL(tls_session_state(server.session), TLS_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(SSL_renegotiate(client.raw), 1);
	SSL_do_handshake(client.raw);
	tls_lab_take(&client, bytes, &length);
	CU_ASSERT_TRUE(length > 100); // the new ClientHello
	tls_lab_give(&server, bytes, length, TLS_LAB_NOW);
	length = sizeof(bytes);
	tls_lab_take(&server, bytes, &length);
	// An alert, no ServerHello.
	CU_ASSERT_TRUE(length > 0 && length < 60);
	CU_ASSERT_EQUAL(bytes[0], SSL3_RT_ALERT);
	BIO_write(SSL_get_rbio(client.raw), bytes, (int)length);
	ERR_clear_error();
	CU_ASSERT_EQUAL(SSL_read(client.raw, bytes, sizeof(bytes)), -1);
	CU_ASSERT_EQUAL(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
	tls_lab_end_fini(&client);
	tls_lab_end_fini(&server);
	SSL_CTX_free(raw_context);
	tls_context_destroy(context);
}

static void client_does_not_renegotiate(void)
{
	struct tls_context *context = tls_lab_client_context(TLS_LAB_IDENTITIES, TLS_LAB_CA);
	SSL_CTX *raw_context = tls_lab_raw_server_context(TLS1_2_VERSION, TLS1_2_VERSION);
	struct tls_peer *peer = tls_peer_create(context, TLS_LAB_NAME, NULL);
	struct tls_lab_end client, server;
	uint8_t bytes[4096];
	size_t length = sizeof(bytes);

	tls_lab_end_init(&client, tls_session_create_client(peer), NULL);
	tls_lab_end_init(&server, NULL, tls_lab_raw(raw_context, true));
	tls_lab_talk(&client, &server, 4096, TLS_LAB_NOW);
	CU_ASSERT_EQUAL(tls_session_state(client.session), TLS_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(SSL_renegotiate(server.raw), 1);
	SSL_do_handshake(server.raw);
	tls_lab_take(&server, bytes, &length);
	CU_ASSERT_TRUE(length > 0); // HelloRequest
	tls_lab_give(&client, bytes, length, TLS_LAB_NOW);
	length = sizeof(bytes);
	tls_lab_take(&client, bytes, &length);
	CU_ASSERT_TRUE(length > 0 && length < 60);
	CU_ASSERT_EQUAL(bytes[0], SSL3_RT_ALERT);
	tls_lab_end_fini(&client);
	tls_lab_end_fini(&server);
	tls_peer_destroy(peer);
	SSL_CTX_free(raw_context);
	tls_context_destroy(context);
}

static void garbage_fails_a_session_and_no_other(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {5};
	struct random_stream *random = random_stream_create(seed);
	struct pair bystander = make_pair();
	char text[TLS_ERROR_TEXT];
	uint8_t bytes[512];

	CU_ASSERT_PTR_NOT_NULL_FATAL(random);
	for (int round = 0; round < 500; round++) {
		struct tls_session *session = tls_session_create_server(bystander.server_context);

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)random_stream_u32(random);
		if (round % 2 == 0)
			memcpy(bytes, "\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03", 11);
		while (tls_session_state(session) == TLS_STATE_HANDSHAKING &&
			tls_session_receive(session, bytes, sizeof(bytes), TLS_LAB_NOW) ==
				sizeof(bytes))
			tls_session_read(session, bytes, 0, TLS_LAB_NOW);
		CU_ASSERT_EQUAL(tls_session_state(session), TLS_STATE_FAILED);
		CU_ASSERT_TRUE(*tls_session_failure(session, text) != '\0');
		CU_ASSERT_EQUAL(tls_session_write(session, bytes, 5), -EPIPE);
		CU_ASSERT_EQUAL(tls_session_read(session, bytes, 5, TLS_LAB_NOW), 0);
		CU_ASSERT_EQUAL(tls_session_receive(session, bytes, 5, TLS_LAB_NOW), 5);
		tls_session_shutdown(session);
		tls_session_destroy(session);
	}
	random_stream_destroy(random);
	talk(&bystander, 4096);
	CU_ASSERT_EQUAL(tls_session_state(bystander.client.session), TLS_STATE_ESTABLISHED);
	end_pair(&bystander);
}

// Each bit of a record that changes on its way must be found out, but for a length that makes the
// record longer: that one waits for more.
static void damaged_records_fail_the_session(void)
{
	uint8_t bytes[256];

	for (size_t at = 0; at < 60; at++) {
		struct pair pair = make_pair();
		size_t length = sizeof(bytes);

		talk(&pair, 4096);
		CU_ASSERT_EQUAL(tls_session_write(pair.client.session, message, 33), 0);
		tls_lab_take(&pair.client, bytes, &length);
		CU_ASSERT_TRUE_FATAL(at < length);
		bytes[at] ^= 0x04;
		tls_lab_give(&pair.server, bytes, length, TLS_LAB_NOW);
		CU_ASSERT_EQUAL(pair.server.length, 0);
		if (at != 3 && at != 4)
			CU_ASSERT_EQUAL(tls_session_state(pair.server.session), TLS_STATE_FAILED);
		// Nor may the other end take its alert for good.
		talk(&pair, 4096);
		if (at != 3 && at != 4)
			CU_ASSERT_EQUAL(tls_session_state(pair.client.session), TLS_STATE_FAILED);
		if (length == at + 1)
			at = 60;
		end_pair(&pair);
	}
}

static void close_notify_is_one_sided(void)
{
	struct pair pair = make_pair();

	CU_ASSERT_EQUAL(tls_session_write(pair.client.session, message, 10), -EAGAIN);
	talk(&pair, 4096);
	CU_ASSERT_EQUAL(tls_session_write(pair.client.session, message, 10), 0);
	tls_session_shutdown(pair.client.session);
	tls_session_shutdown(pair.client.session);
	CU_ASSERT_EQUAL(tls_session_write(pair.client.session, message, 10), -EPIPE);
	talk(&pair, 4096);
	CU_ASSERT_EQUAL(pair.server.length, 10);
	CU_ASSERT_EQUAL(tls_session_state(pair.server.session), TLS_STATE_CLOSED);
	CU_ASSERT_EQUAL(tls_session_state(pair.client.session), TLS_STATE_ESTABLISHED);
	// The answer to what was asked before still goes out.
	CU_ASSERT_EQUAL(tls_session_write(pair.server.session, message, 20), 0);
	tls_session_shutdown(pair.server.session);
	talk(&pair, 4096);
	CU_ASSERT_EQUAL(pair.client.length, 20);
	CU_ASSERT_EQUAL(tls_session_state(pair.client.session), TLS_STATE_CLOSED);
	end_pair(&pair);
}

static const struct unit_case cases[] = {
	{"records may come in any pieces", records_may_come_in_any_pieces},
	{"records may be cut at every byte", records_may_be_cut_at_every_byte},
	{"reading little by little gives the same", reading_little_by_little_gives_the_same},
	{"input that nobody reads is bounded", input_that_nobody_reads_is_bounded},
	{"output that nobody takes is bounded", output_that_nobody_takes_is_bounded},
	{"answers of the handshake layer are bounded", answers_of_the_handshake_layer_are_bounded},
	{"server does not renegotiate", server_does_not_renegotiate},
	{"client does not renegotiate", client_does_not_renegotiate},
	{"garbage fails a session and no other", garbage_fails_a_session_and_no_other},
	{"damaged records fail the session", damaged_records_fail_the_session},
	{"close_notify is one-sided", close_notify_is_one_sided},
};

UNIT_MAIN("tls records", cases)
