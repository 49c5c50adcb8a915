// SPDX-License-Identifier: BSD-3-Clause
// Tickets: from one context to another, over a change of keys, and where they must not open.
#include "tls_lab.h"
#include "unit.h"

#include <string.h>

#define PIECE 4096
#define PERIOD TLS_TICKET_PERIOD

static struct tls_context *server_context(uint8_t secret)
{
	return tls_lab_server_context(TLS_LAB_SERVER, secret, TLS_LAB_IDENTITIES);
}

// One connection of `peer` to a server of `context`; whether both ends resumed. Both must get
// through, a query and an answer, too.
static bool visit(struct tls_peer *peer, struct tls_context *context, uint64_t now)
{
	static const uint8_t query[] = "query", answer[] = "answer";
	struct tls_lab_end client, server;
	bool is_resumed;

	tls_lab_end_init(&server, tls_session_create_server(context), NULL);
	tls_lab_end_init(&client, tls_session_create_client(peer), NULL);
	tls_lab_talk(&client, &server, PIECE, now);
	CU_ASSERT_EQUAL(tls_session_state(client.session), TLS_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(tls_session_state(server.session), TLS_STATE_ESTABLISHED);
	is_resumed = tls_session_was_resumed(client.session);
	CU_ASSERT_EQUAL(tls_session_was_resumed(server.session), is_resumed);
	CU_ASSERT_EQUAL(tls_session_write(client.session, query, sizeof(query)), 0);
	tls_lab_talk(&client, &server, PIECE, now);
	CU_ASSERT_EQUAL(server.length, sizeof(query));
	CU_ASSERT_EQUAL(tls_session_write(server.session, answer, sizeof(answer)), 0);
	tls_lab_talk(&client, &server, PIECE, now);
	CU_ASSERT_EQUAL(client.length, sizeof(answer));
	tls_session_shutdown(client.session);
	tls_lab_talk(&client, &server, PIECE, now);
	CU_ASSERT_EQUAL(tls_session_state(server.session), TLS_STATE_CLOSED);
	tls_lab_end_fini(&client);
	tls_lab_end_fini(&server);
	return is_resumed;
}

struct world {
	struct tls_context *client_context;
	struct tls_peer *peer;
	struct tls_context *servers[2];
};

static struct world make_world(struct tls_context *first, struct tls_context *second)
{
	struct world world = {.servers = {first, second}};

	world.client_context = tls_lab_client_context(TLS_LAB_CLIENT, TLS_LAB_CA);
	world.peer = tls_peer_create(world.client_context, TLS_LAB_NAME, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(world.peer);
	return world;
}

static void end_world(struct world *world)
{
	tls_peer_destroy(world->peer);
	tls_context_destroy(world->client_context);
	tls_context_destroy(world->servers[0]);
	tls_context_destroy(world->servers[1]);
}

static void tickets_open_in_every_context_of_the_secret(void)
{
	struct world world = make_world(server_context(1), server_context(1));
	int resumed = 0;

	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	for (int i = 1; i <= 20; i++)
		resumed += visit(world.peer, world.servers[i % 2], TLS_LAB_NOW);
	CU_ASSERT_EQUAL(resumed, 20);
	end_world(&world);
}

static void connections_opened_at_once_share_a_ticket(void)
{
	struct world world = make_world(server_context(1), server_context(1));
	struct tls_lab_end client[8], server[8];

	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	for (int i = 0; i < 8; i++) {
		tls_lab_end_init(&server[i], tls_session_create_server(world.servers[i % 2]), NULL);
		tls_lab_end_init(&client[i], tls_session_create_client(world.peer), NULL);
	}
	for (int i = 0; i < 8; i++)
		tls_lab_talk(&client[i], &server[i], PIECE, TLS_LAB_NOW);
	for (int i = 0; i < 8; i++) {
		CU_ASSERT_TRUE(tls_session_was_resumed(client[i].session));
		CU_ASSERT_TRUE(tls_session_was_resumed(server[i].session));
		tls_lab_end_fini(&client[i]);
		tls_lab_end_fini(&server[i]);
	}
	CU_ASSERT_TRUE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	end_world(&world);
}

// As a reload makes them: `resumes` the visits to the first server.
static void expect_inherited(
	struct world *world, struct tls_context *context, const char *name, bool resumes)
{
	struct tls_peer *next = tls_peer_create(context, name, NULL);

	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_FALSE(visit(world->peer, world->servers[0], TLS_LAB_NOW));
	tls_peer_inherit(next, world->peer);
	CU_ASSERT_EQUAL(visit(next, world->servers[0], TLS_LAB_NOW), resumes);
	// There is one ticket, which one of the two has.
	CU_ASSERT_EQUAL(visit(world->peer, world->servers[0], TLS_LAB_NOW), !resumes);
	tls_peer_destroy(next);
	tls_context_destroy(context);
	end_world(world);
}

static void a_peer_inherits_the_ticket_of_its_like(void)
{
	struct world world = make_world(server_context(1), server_context(1));

	expect_inherited(&world, tls_lab_client_context(TLS_LAB_CLIENT, TLS_LAB_CA),
		"DNS.example.test.", true);
	world = make_world(server_context(1), server_context(1));
	expect_inherited(&world, tls_lab_client_context(TLS_LAB_IDENTITIES, TLS_LAB_CA),
		TLS_LAB_NAME, false);
}

static void a_peer_of_another_name_inherits_nothing(void)
{
	struct world world = make_world(server_context(1), server_context(1));
	struct net_address address;
	struct tls_peer *next;

	CU_ASSERT_EQUAL_FATAL(net_address_parse(TLS_LAB_ADDRESS, &address), 0);
	next = tls_peer_create(world.client_context, NULL, &address);
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	tls_peer_inherit(next, world.peer);
	CU_ASSERT_FALSE(visit(next, world.servers[0], TLS_LAB_NOW));
	CU_ASSERT_TRUE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	tls_peer_destroy(next);
	end_world(&world);
}

static void tickets_of_another_secret_cost_a_whole_handshake(void)
{
	struct world world = make_world(server_context(1), server_context(2));

	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	CU_ASSERT_FALSE(visit(world.peer, world.servers[1], TLS_LAB_NOW));
	CU_ASSERT_TRUE(visit(world.peer, world.servers[1], TLS_LAB_NOW));
	end_world(&world);
}

static void tickets_of_another_certificate_do_not_open(void)
{
	// The peer is checked when the ticket is given, so this must be one that it accepts.
	struct world world = make_world(server_context(1), server_context(1));
	struct tls_context *other =
		tls_lab_server_context(TLS_LAB_OTHER_SERVER, 1, TLS_LAB_IDENTITIES);
	struct tls_lab_end client, server;

	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	tls_lab_end_init(&server, tls_session_create_server(other), NULL);
	tls_lab_end_init(&client, tls_session_create_client(world.peer), NULL);
	tls_lab_talk(&client, &server, PIECE, TLS_LAB_NOW);
	CU_ASSERT_EQUAL(tls_session_state(client.session), TLS_STATE_FAILED);
	tls_lab_end_fini(&client);
	tls_lab_end_fini(&server);
	// What failed with a ticket is tried without it.
	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	tls_context_destroy(other);
	end_world(&world);
}

static void tickets_without_client_certificate_do_not_stand_for_one(void)
{
	struct world world = make_world(
		server_context(1), tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_CA));

	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW));
	CU_ASSERT_FALSE(visit(world.peer, world.servers[1], TLS_LAB_NOW));
	CU_ASSERT_TRUE(visit(world.peer, world.servers[1], TLS_LAB_NOW));
	end_world(&world);
}

static void previous_key_opens_and_older_ones_do_not(void)
{
	static const struct {
		uint64_t given;
		uint64_t used;
		bool is_resumed;
	} cases[] = {
		{0, 0, true},
		{0, PERIOD - 1, true},
		{0, PERIOD, true},
		{0, 2 * PERIOD - 1, true},
		{0, 2 * PERIOD, false},
		{PERIOD - 1, PERIOD, true},
		{PERIOD - 1, 2 * PERIOD - 1, true},
		{PERIOD - 1, 2 * PERIOD, false},
		{0, 1000 * PERIOD, false},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(cases); i++) {
		struct world world = make_world(server_context(1), server_context(1));

		CU_ASSERT_FALSE(visit(world.peer, world.servers[0], TLS_LAB_NOW + cases[i].given));
		CU_ASSERT_EQUAL(visit(world.peer, world.servers[1], TLS_LAB_NOW + cases[i].used),
			cases[i].is_resumed);
		end_world(&world);
	}
}

static void tickets_are_given_anew_so_that_a_chain_of_visits_goes_on(void)
{
	struct world world = make_world(server_context(1), server_context(1));
	uint64_t now = TLS_LAB_NOW;

	CU_ASSERT_FALSE(visit(world.peer, world.servers[0], now));
	for (int i = 0; i < 6; i++) {
		now += PERIOD;
		CU_ASSERT_TRUE(visit(world.peer, world.servers[i % 2], now));
	}
	end_world(&world);
}

// Whether the server resumed a client of OpenSSL alone, which is given and leaves its ticket.
static bool visit_raw(
	SSL_CTX *client_context, struct tls_context *context, SSL_SESSION **ticket, uint64_t now)
{
	struct tls_lab_end client, server;
	bool is_resumed;

	tls_lab_end_init(&server, tls_session_create_server(context), NULL);
	tls_lab_end_init(&client, NULL, tls_lab_raw(client_context, false));
	if (*ticket)
		CU_ASSERT_EQUAL(SSL_set_session(client.raw, *ticket), 1);
	tls_lab_talk(&client, &server, PIECE, now);
	CU_ASSERT_EQUAL(tls_session_state(server.session), TLS_STATE_ESTABLISHED);
	is_resumed = tls_session_was_resumed(server.session);
	SSL_SESSION_free(*ticket);
	*ticket = SSL_get1_session(client.raw);
	SSL_shutdown(client.raw);
	tls_lab_end_fini(&client);
	tls_lab_end_fini(&server);
	return is_resumed;
}

static void tickets_of_tls_1_2_work_the_same(void)
{
	SSL_CTX *client_context = tls_lab_raw_client_context(TLS1_2_VERSION, TLS1_2_VERSION);
	struct tls_context *servers[2] = {server_context(1), server_context(1)};
	SSL_SESSION *ticket = NULL;
	uint64_t now = TLS_LAB_NOW;

	CU_ASSERT_FALSE(visit_raw(client_context, servers[0], &ticket, now));
	CU_ASSERT_TRUE(visit_raw(client_context, servers[1], &ticket, now));
	now += PERIOD;
	CU_ASSERT_TRUE(visit_raw(client_context, servers[0], &ticket, now));
	now += PERIOD;
	CU_ASSERT_TRUE(visit_raw(client_context, servers[1], &ticket, now));
	now += 2 * PERIOD;
	CU_ASSERT_FALSE(visit_raw(client_context, servers[0], &ticket, now));
	SSL_SESSION_free(ticket);
	SSL_CTX_free(client_context);
	tls_context_destroy(servers[0]);
	tls_context_destroy(servers[1]);
}

static void damaged_tickets_cost_a_whole_handshake(void)
{
	struct world world = make_world(server_context(1), server_context(1));
	SSL_CTX *client_context = tls_lab_raw_client_context(TLS1_2_VERSION, TLS1_2_VERSION);
	unsigned char bytes[8192], *end;
	const unsigned char *start;
	SSL_SESSION *ticket = NULL;
	const unsigned char *sealed;
	size_t sealed_length;
	long length;

	CU_ASSERT_FALSE(visit_raw(client_context, world.servers[0], &ticket, TLS_LAB_NOW));
	SSL_SESSION_get0_ticket(ticket, &sealed, &sealed_length);
	CU_ASSERT_TRUE_FATAL(sealed_length > 48);
	for (size_t at = 0; at < sealed_length; at += 7) {
		SSL_SESSION *damaged;
		unsigned char *found;

		length = i2d_SSL_SESSION(ticket, NULL);
		CU_ASSERT_TRUE_FATAL(length > 0 && (size_t)length <= sizeof(bytes));
		end = bytes;
		CU_ASSERT_EQUAL(i2d_SSL_SESSION(ticket, &end), length);
		SSL_SESSION_get0_ticket(ticket, &sealed, &sealed_length);
		found = memmem(bytes, (size_t)length, sealed, sealed_length);
		CU_ASSERT_PTR_NOT_NULL_FATAL(found);
		found[at] ^= 1;
		start = bytes;
		damaged = d2i_SSL_SESSION(NULL, &start, length);
		CU_ASSERT_PTR_NOT_NULL_FATAL(damaged);
		CU_ASSERT_FALSE(visit_raw(client_context, world.servers[0], &damaged, TLS_LAB_NOW));
		SSL_SESSION_free(damaged);
	}
	SSL_SESSION_free(ticket);
	SSL_CTX_free(client_context);
	end_world(&world);
}

static const struct unit_case cases[] = {
	{"tickets open in every context of the secret",
		tickets_open_in_every_context_of_the_secret},
	{"connections opened at once share a ticket", connections_opened_at_once_share_a_ticket},
	{"a peer inherits the ticket of its like", a_peer_inherits_the_ticket_of_its_like},
	{"a peer of another name inherits nothing", a_peer_of_another_name_inherits_nothing},
	{"tickets of another secret cost a whole handshake",
		tickets_of_another_secret_cost_a_whole_handshake},
	{"tickets of another certificate do not open", tickets_of_another_certificate_do_not_open},
	{"tickets without client certificate do not stand for one",
		tickets_without_client_certificate_do_not_stand_for_one},
	{"previous key opens and older ones do not", previous_key_opens_and_older_ones_do_not},
	{"tickets are given anew so that a chain of visits goes on",
		tickets_are_given_anew_so_that_a_chain_of_visits_goes_on},
	{"tickets of TLS 1.2 work the same", tickets_of_tls_1_2_work_the_same},
	{"damaged tickets cost a whole handshake", damaged_tickets_cost_a_whole_handshake},
};

UNIT_MAIN("tls resumption", cases)
