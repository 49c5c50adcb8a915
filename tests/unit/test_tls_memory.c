// SPDX-License-Identifier: BSD-3-Clause
// What a session costs, and that nothing of it stays: all that OpenSSL allocates is counted, by who
// had it do so.
#include "tls_lab.h"
#include "unit.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 20
#define PIECE 4096
#define IDLE_MOST 16384
#define IDLE_WITH_CERTIFICATE_MOST 25000
#define HANDSHAKE_MOST 65536
#define LONG_HELLO_MOST 196608 // OpenSSL takes up to 128 kB

enum owner {
	OWNER_OTHERS,
	OWNER_SERVERS,
	OWNERS,
};

struct block {
	size_t length;
	enum owner owner;
};

#define BLOCK_HEADER 32 // keeps what follows aligned for anything

static size_t allocated[OWNERS];
static enum owner owner;

static void *count_in(struct block *block, size_t length, enum owner whose)
{
	if (!block)
		return NULL;
	block->owner = whose;
	block->length = length;
	allocated[whose] += length;
	return (uint8_t *)block + BLOCK_HEADER;
}

static void *count_malloc(size_t length, const char *file, int line)
{
	(void)file;
	(void)line;
	return length > 0 ? count_in(malloc(length + BLOCK_HEADER), length, owner) : NULL;
}

static void count_free(void *memory, const char *file, int line)
{
	struct block *block;

	(void)file;
	(void)line;
	if (!memory)
		return;
	block = (struct block *)((uint8_t *)memory - BLOCK_HEADER);
	allocated[block->owner] -= block->length;
	free(block);
}

static void *count_realloc(void *memory, size_t length, const char *file, int line)
{
	struct block *block;
	enum owner whose;

	if (!memory)
		return count_malloc(length, file, line);
	if (length == 0) {
		count_free(memory, file, line);
		return NULL;
	}
	block = (struct block *)((uint8_t *)memory - BLOCK_HEADER);
	whose = block->owner;
	allocated[whose] -= block->length;
	return count_in(realloc(block, length + BLOCK_HEADER), length, whose);
}

// As tls_lab_talk(), with what the server allocates counted as its own.
static void talk(struct tls_lab_end *client, struct tls_lab_end *server)
{
	static uint8_t bytes[PIECE];
	size_t from_client, from_server;

	do {
		from_client = sizeof(bytes);
		tls_lab_give(client, bytes, 0, TLS_LAB_NOW); // lets OpenSSL go on
		tls_lab_take(client, bytes, &from_client);
		owner = OWNER_SERVERS;
		tls_lab_give(server, bytes, from_client, TLS_LAB_NOW);
		owner = OWNER_OTHERS;
		from_server = sizeof(bytes);
		tls_lab_take(server, bytes, &from_server);
		tls_lab_give(client, bytes, from_server, TLS_LAB_NOW);
	} while (from_client > 0 || from_server > 0);
}

// A server's end and, with `raw_context`, a client of OpenSSL alone for it.
struct connection {
	struct tls_lab_end server;
	struct tls_lab_end client;
};

static void open_server(struct connection *connection, struct tls_context *context)
{
	struct tls_session *session;

	owner = OWNER_SERVERS;
	session = tls_session_create_server(context);
	owner = OWNER_OTHERS;
	CU_ASSERT_PTR_NOT_NULL_FATAL(session);
	tls_lab_end_init(&connection->server, session, NULL);
}

// A handshake, a query and an answer, and then silence.
static void use_connection(
	struct connection *connection, struct tls_context *context, SSL_CTX *raw_context)
{
	static const uint8_t answer[4000];
	struct tls_lab_end *server = &connection->server, *client = &connection->client;

	open_server(connection, context);
	tls_lab_end_init(client, NULL, tls_lab_raw(raw_context, false));
	talk(client, server);
	CU_ASSERT_EQUAL(tls_session_state(server->session), TLS_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(SSL_write(client->raw, "a query", 7), 7);
	talk(client, server);
	CU_ASSERT_EQUAL(server->length, 7);
	owner = OWNER_SERVERS;
	CU_ASSERT_EQUAL(tls_session_write(server->session, answer, sizeof(answer)), 0);
	owner = OWNER_OTHERS;
	talk(client, server);
	CU_ASSERT_EQUAL(client->length, sizeof(answer));
}

static void close_connection(struct connection *connection)
{
	if (connection->client.raw)
		tls_lab_end_fini(&connection->client);
	tls_lab_end_fini(&connection->server);
	*connection = (struct connection){0};
}

// What an idle session costs: OpenSSL's part and its own; buffers are there only while they are
// used. Nothing may stay of sessions that ended.
static void measure_idle(const char *what, int version, enum tls_lab_identity ca, size_t most)
{
	struct tls_context *context = tls_lab_server_context(TLS_LAB_SERVER, 1, ca);
	SSL_CTX *raw_context = tls_lab_raw_client_context(version, version);
	struct connection connections[SESSIONS] = {{{0}}};
	size_t before, each;

	CU_ASSERT_EQUAL(SSL_CTX_use_certificate_file(
				raw_context, tls_lab_certificate(TLS_LAB_CLIENT), SSL_FILETYPE_PEM),
		1);
	CU_ASSERT_EQUAL(SSL_CTX_use_PrivateKey_file(
				raw_context, tls_lab_key(TLS_LAB_CLIENT), SSL_FILETYPE_PEM),
		1);
	// The first one fills what OpenSSL keeps for all.
	use_connection(&connections[0], context, raw_context);
	close_connection(&connections[0]);
	before = allocated[OWNER_SERVERS];
	for (int i = 0; i < SESSIONS; i++)
		use_connection(&connections[i], context, raw_context);
	each = (allocated[OWNER_SERVERS] - before) / SESSIONS +
	       malloc_usable_size(connections[0].server.session);
	printf("\n    %s: %zu bytes ", what, each);
	CU_ASSERT_TRUE(each > 1000 && each < most);
	for (int i = 0; i < SESSIONS; i++)
		close_connection(&connections[i]);
	CU_ASSERT_EQUAL(allocated[OWNER_SERVERS], before);
	SSL_CTX_free(raw_context);
	tls_context_destroy(context);
}

static void idle_sessions_are_small(void)
{
	measure_idle("TLS 1.3", TLS1_3_VERSION, TLS_LAB_IDENTITIES, IDLE_MOST);
	measure_idle("TLS 1.2", TLS1_2_VERSION, TLS_LAB_IDENTITIES, IDLE_MOST);
	measure_idle("TLS 1.3 with the client's certificate", TLS1_3_VERSION, TLS_LAB_CA,
		IDLE_WITH_CERTIFICATE_MOST);
}

// What a session costs that got `bytes` and nothing more.
static size_t measure_beginning(const uint8_t *bytes, size_t length)
{
	struct tls_context *context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	struct connection connections[2] = {{{0}}};
	size_t before = 0, cost;

	for (int i = 0; i < 2; i++) {
		before = allocated[OWNER_SERVERS];
		open_server(&connections[i], context);
		owner = OWNER_SERVERS;
		tls_lab_give(&connections[i].server, bytes, length, TLS_LAB_NOW);
		owner = OWNER_OTHERS;
		CU_ASSERT_EQUAL(
			tls_session_state(connections[i].server.session), TLS_STATE_HANDSHAKING);
	}
	cost = allocated[OWNER_SERVERS] - before +
	       malloc_usable_size(connections[1].server.session);
	for (int i = 0; i < 2; i++)
		close_connection(&connections[i]);
	tls_context_destroy(context);
	return cost;
}

static void beginnings_of_handshakes_are_bounded(void)
{
	// A record of 16 kB and a ClientHello of 100 kB, of which no more comes; and a good one.
	static const uint8_t record[100] = {0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3};
	static const uint8_t long_hello[105] = {0x16, 3, 1, 0, 100, 1, 1, 0x86, 0xa0, 3, 3};
	SSL_CTX *raw_context = tls_lab_raw_client_context(TLS1_2_VERSION, TLS1_3_VERSION);
	struct tls_lab_end client;
	uint8_t hello[4096];
	size_t hello_length = sizeof(hello), costs[4];

	tls_lab_end_init(&client, NULL, tls_lab_raw(raw_context, false));
	tls_lab_give(&client, hello, 0, TLS_LAB_NOW);
	tls_lab_take(&client, hello, &hello_length);
	costs[0] = measure_beginning(record, 0);
	costs[1] = measure_beginning(record, sizeof(record));
	costs[2] = measure_beginning(hello, hello_length);
	costs[3] = measure_beginning(long_hello, sizeof(long_hello));
	printf("\n    no byte: %zu, half a record: %zu, a ClientHello: %zu, half a long one: %zu ",
		costs[0], costs[1], costs[2], costs[3]);
	CU_ASSERT_TRUE(costs[0] < IDLE_MOST);
	CU_ASSERT_TRUE(costs[1] < IDLE_MOST);
	CU_ASSERT_TRUE(costs[2] < HANDSHAKE_MOST);
	CU_ASSERT_TRUE(costs[3] < LONG_HELLO_MOST);
	tls_lab_end_fini(&client);
	SSL_CTX_free(raw_context);
}

static const struct unit_case cases[] = {
	{"idle sessions are small", idle_sessions_are_small},
	{"beginnings of handshakes are bounded", beginnings_of_handshakes_are_bounded},
};

int main(void)
{
	if (CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free) != 1)
		return 1;
	return unit_run("tls memory", cases, BASE_ARRAY_SIZE(cases));
}
