// SPDX-License-Identifier: BSD-3-Clause
// Who is let through: names, chains, times, client certificates, versions, ALPN; and the files.
#include "tls_lab.h"
#include "unit.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 4096

struct parties {
	struct tls_context *server_context;
	struct tls_context *client_context;
	struct tls_peer *peer;
	struct tls_lab_end server;
	struct tls_lab_end client;
	char server_failure[TLS_ERROR_TEXT];
	char client_failure[TLS_ERROR_TEXT];
};

// A handshake of a client that expects `name` (or the address, if it is NULL), and its end.
static void meet(struct parties *parties, const char *name, const char *address)
{
	struct net_address expected = {{0}};

	if (address)
		CU_ASSERT_EQUAL_FATAL(net_address_parse(address, &expected), 0);
	parties->peer = tls_peer_create(parties->client_context, name, &expected);
	CU_ASSERT_PTR_NOT_NULL_FATAL(parties->peer);
	tls_lab_end_init(
		&parties->server, tls_session_create_server(parties->server_context), NULL);
	tls_lab_end_init(&parties->client, tls_session_create_client(parties->peer), NULL);
	tls_lab_talk(&parties->client, &parties->server, PIECE, TLS_LAB_NOW);
	tls_session_failure(parties->server.session, parties->server_failure);
	tls_session_failure(parties->client.session, parties->client_failure);
}

static void part(struct parties *parties)
{
	tls_lab_end_fini(&parties->client);
	tls_lab_end_fini(&parties->server);
	tls_peer_destroy(parties->peer);
	tls_context_destroy(parties->client_context);
	tls_context_destroy(parties->server_context);
}

static void client_meets(
	enum tls_lab_identity server, const char *name, const char *address, const char *failure)
{
	struct parties parties = {
		.server_context = tls_lab_server_context(server, 1, TLS_LAB_IDENTITIES),
		.client_context = tls_lab_client_context(TLS_LAB_IDENTITIES, TLS_LAB_CA),
	};

	meet(&parties, name, address);
	CU_ASSERT_STRING_EQUAL(parties.client_failure, failure);
	CU_ASSERT_EQUAL(tls_session_state(parties.client.session),
		*failure ? TLS_STATE_FAILED : TLS_STATE_ESTABLISHED);
	// The server is told why.
	CU_ASSERT_EQUAL(tls_session_state(parties.server.session),
		*failure ? TLS_STATE_FAILED : TLS_STATE_ESTABLISHED);
	if (*failure)
		CU_ASSERT_PTR_NOT_NULL(strstr(parties.server_failure, "alert"));
	CU_ASSERT_FALSE(tls_session_was_resumed(parties.client.session));
	part(&parties);
}

static void good_names_and_addresses_are_accepted(void)
{
	client_meets(TLS_LAB_SERVER, TLS_LAB_NAME, NULL, "");
	client_meets(TLS_LAB_SERVER, TLS_LAB_NAME ".", NULL, "");
	client_meets(TLS_LAB_SERVER, "DNS.Example.TEST", NULL, "");
	client_meets(TLS_LAB_SERVER, NULL, TLS_LAB_ADDRESS, "");
	client_meets(TLS_LAB_SERVER, NULL, TLS_LAB_ADDRESS6, "");
	client_meets(TLS_LAB_SERVER, TLS_LAB_ADDRESS6, NULL, "");
}

static void wrong_names_and_addresses_are_refused(void)
{
	client_meets(TLS_LAB_OTHER_SERVER, TLS_LAB_NAME, NULL,
		"certificate of " TLS_LAB_NAME ": hostname mismatch");
	client_meets(TLS_LAB_SERVER, "example.test", NULL,
		"certificate of example.test: hostname mismatch");
	client_meets(TLS_LAB_OTHER_SERVER, NULL, TLS_LAB_ADDRESS,
		"certificate of " TLS_LAB_ADDRESS ": IP address mismatch");
	client_meets(TLS_LAB_OTHER_SERVER, NULL, TLS_LAB_ADDRESS6,
		"certificate of " TLS_LAB_ADDRESS6 ": IP address mismatch");
	client_meets(TLS_LAB_OTHER_SERVER, TLS_LAB_ADDRESS, NULL,
		"certificate of " TLS_LAB_ADDRESS ": IP address mismatch");
}

static void bad_certificates_are_refused_with_the_reason(void)
{
	client_meets(TLS_LAB_EXPIRED, TLS_LAB_NAME, NULL,
		"certificate of " TLS_LAB_NAME ": certificate has expired");
	client_meets(TLS_LAB_NOT_YET, TLS_LAB_NAME, NULL,
		"certificate of " TLS_LAB_NAME ": certificate is not yet valid");
	client_meets(TLS_LAB_SELF_SIGNED, TLS_LAB_NAME, NULL,
		"certificate of " TLS_LAB_NAME ": self-signed certificate");
	client_meets(TLS_LAB_UNKNOWN_CA, TLS_LAB_NAME, NULL,
		"certificate of " TLS_LAB_NAME ": unable to get local issuer certificate");
}

static void system_cas_are_used_without_others(void)
{
	struct tls_files none = {NULL, NULL, NULL};
	struct tls_error error;
	struct parties parties = {
		.server_context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES),
	};

	// The system does not know the lab's CA, but where it is told to.
	for (int is_known = 0; is_known <= 1; is_known++) {
		if (is_known)
			setenv("SSL_CERT_FILE", tls_lab_certificate(TLS_LAB_CA), 1);
		parties.client_context = tls_context_create_client(&none, &error);
		unsetenv("SSL_CERT_FILE");
		CU_ASSERT_PTR_NOT_NULL_FATAL(parties.client_context);
		meet(&parties, TLS_LAB_NAME, NULL);
		CU_ASSERT_EQUAL(tls_session_state(parties.client.session),
			is_known ? TLS_STATE_ESTABLISHED : TLS_STATE_FAILED);
		part(&parties);
		parties.server_context =
			is_known ? NULL
				 : tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	}
}

static void server_meets(enum tls_lab_identity client, const char *failure)
{
	struct parties parties = {
		.server_context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_CA),
		.client_context = tls_lab_client_context(client, TLS_LAB_CA),
	};

	meet(&parties, TLS_LAB_NAME, NULL);
	CU_ASSERT_STRING_EQUAL(parties.server_failure, failure);
	CU_ASSERT_EQUAL(tls_session_state(parties.server.session),
		*failure ? TLS_STATE_FAILED : TLS_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(tls_session_state(parties.client.session),
		*failure ? TLS_STATE_FAILED : TLS_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(tls_session_refused_certificate(parties.server.session), *failure != '\0');
	CU_ASSERT_FALSE(tls_session_refused_certificate(parties.client.session));
	if (*failure)
		CU_ASSERT_PTR_NOT_NULL(strstr(parties.client_failure, "alert"));
	part(&parties);
}

static void client_certificates_are_checked_where_they_are_asked_for(void)
{
	server_meets(TLS_LAB_CLIENT, "");
	server_meets(TLS_LAB_IDENTITIES, "peer did not return a certificate");
	server_meets(TLS_LAB_OTHER_CLIENT,
		"certificate of the client: unable to get local issuer certificate");
	server_meets(TLS_LAB_EXPIRED, "certificate of the client: certificate has expired");
}

static void client_certificates_are_not_asked_for_otherwise(void)
{
	struct parties parties = {
		.server_context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES),
		.client_context = tls_lab_client_context(TLS_LAB_OTHER_CLIENT, TLS_LAB_CA),
	};

	meet(&parties, TLS_LAB_NAME, NULL);
	CU_ASSERT_EQUAL(tls_session_state(parties.server.session), TLS_STATE_ESTABLISHED);
	part(&parties);
}

// A client of OpenSSL alone against a session of tls/.
static struct tls_lab_end raw_client_end(int least_version, int most_version, const char *ciphers)
{
	SSL_CTX *context = tls_lab_raw_client_context(least_version, most_version);
	struct tls_lab_end client;

	if (ciphers)
		CU_ASSERT_EQUAL(SSL_CTX_set_cipher_list(context, ciphers), 1);
	tls_lab_end_init(&client, NULL, tls_lab_raw(context, false));
	SSL_CTX_free(context);
	return client;
}

static void server_and_raw_client(
	struct tls_lab_end *client, enum tls_state state, const char *failure)
{
	struct tls_context *context = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	struct tls_lab_end server;
	char text[TLS_ERROR_TEXT];

	tls_lab_end_init(&server, tls_session_create_server(context), NULL);
	tls_lab_talk(client, &server, PIECE, TLS_LAB_NOW);
	CU_ASSERT_EQUAL(tls_session_state(server.session), state);
	CU_ASSERT_STRING_EQUAL(tls_session_failure(server.session, text), failure);
	tls_lab_end_fini(&server);
	tls_context_destroy(context);
}

static void only_tls_1_2_and_1_3_are_spoken(void)
{
	static const struct {
		int version;
		enum tls_state state;
		const char *failure;
	} cases[] = {
		{TLS1_VERSION, TLS_STATE_FAILED, "unsupported protocol"},
		{TLS1_1_VERSION, TLS_STATE_FAILED, "unsupported protocol"},
		{TLS1_2_VERSION, TLS_STATE_ESTABLISHED, ""},
		{TLS1_3_VERSION, TLS_STATE_ESTABLISHED, ""},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(cases); i++) {
		struct tls_lab_end client =
			raw_client_end(cases[i].version, cases[i].version, NULL);

		server_and_raw_client(&client, cases[i].state, cases[i].failure);
		if (cases[i].state == TLS_STATE_ESTABLISHED)
			CU_ASSERT_EQUAL(SSL_version(client.raw), cases[i].version);
		tls_lab_end_fini(&client);
	}
}

static void tls_1_2_needs_forward_secrecy_and_aead(void)
{
	static const struct {
		const char *ciphers;
		enum tls_state state;
	} cases[] = {
		{"ECDHE-ECDSA-AES128-GCM-SHA256", TLS_STATE_ESTABLISHED},
		{"ECDHE-ECDSA-CHACHA20-POLY1305", TLS_STATE_ESTABLISHED},
		{"ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", TLS_STATE_FAILED},
		{"AES128-GCM-SHA256:@SECLEVEL=0", TLS_STATE_FAILED},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(cases); i++) {
		struct tls_lab_end client =
			raw_client_end(TLS1_2_VERSION, TLS1_2_VERSION, cases[i].ciphers);

		server_and_raw_client(&client, cases[i].state,
			cases[i].state == TLS_STATE_FAILED ? "no shared cipher" : "");
		tls_lab_end_fini(&client);
	}
}

static void server_selects_dot_and_refuses_others_alone(void)
{
	static const struct {
		const char *offered; // as ALPN has it
		enum tls_state state;
		const char *selected;
	} cases[] = {
		{"", TLS_STATE_ESTABLISHED, ""},
		{"\003dot", TLS_STATE_ESTABLISHED, "dot"},
		{"\002h2\003dot", TLS_STATE_ESTABLISHED, "dot"},
		{"\003dot\010http/1.1", TLS_STATE_ESTABLISHED, "dot"},
		{"\002h2", TLS_STATE_FAILED, ""},
		{"\004dots\002do", TLS_STATE_FAILED, ""},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(cases); i++) {
		struct tls_lab_end client = raw_client_end(TLS1_2_VERSION, TLS1_3_VERSION, NULL);
		const unsigned char *selected;
		unsigned int length;

		if (*cases[i].offered)
			CU_ASSERT_EQUAL(
				SSL_set_alpn_protos(client.raw, (const uint8_t *)cases[i].offered,
					(unsigned int)strlen(cases[i].offered)),
				0);
		server_and_raw_client(&client, cases[i].state,
			cases[i].state == TLS_STATE_FAILED ? "no application protocol" : "");
		SSL_get0_alpn_selected(client.raw, &selected, &length);
		CU_ASSERT_EQUAL_FATAL(length, strlen(cases[i].selected));
		if (length > 0)
			CU_ASSERT_EQUAL(memcmp(selected, cases[i].selected, length), 0);
		tls_lab_end_fini(&client);
	}
}

static int select_what_the_test_says(SSL *ssl, const unsigned char **selected,
	unsigned char *length, const unsigned char *offered, unsigned int offered_length,
	void *context)
{
	(void)ssl;
	CU_ASSERT_EQUAL_FATAL(offered_length, 4);
	CU_ASSERT_EQUAL(memcmp(offered, "\003dot", 4), 0);
	*(int *)context += 1;
	*selected = offered + 1;
	*length = 3;
	return SSL_TLSEXT_ERR_OK;
}

// A session of tls/ against a server of OpenSSL alone, which selects `dot` or nothing.
static void client_and_raw_server(
	int least_version, int most_version, int *alpn_calls, enum tls_state state)
{
	struct tls_context *context = tls_lab_client_context(TLS_LAB_IDENTITIES, TLS_LAB_CA);
	SSL_CTX *raw_context = tls_lab_raw_server_context(least_version, most_version);
	struct tls_peer *peer = tls_peer_create(context, TLS_LAB_NAME, NULL);
	struct tls_lab_end client, server;

	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	if (alpn_calls)
		SSL_CTX_set_alpn_select_cb(raw_context, select_what_the_test_says, alpn_calls);
	tls_lab_end_init(&client, tls_session_create_client(peer), NULL);
	tls_lab_end_init(&server, NULL, tls_lab_raw(raw_context, true));
	tls_lab_talk(&client, &server, PIECE, TLS_LAB_NOW);
	CU_ASSERT_EQUAL(tls_session_state(client.session), state);
	if (state == TLS_STATE_ESTABLISHED)
		CU_ASSERT_STRING_EQUAL(
			SSL_get_servername(server.raw, TLSEXT_NAMETYPE_host_name), TLS_LAB_NAME);
	tls_lab_end_fini(&client);
	tls_lab_end_fini(&server);
	tls_peer_destroy(peer);
	tls_context_destroy(context);
	SSL_CTX_free(raw_context);
}

static void client_offers_dot_and_tolerates_servers_without_alpn(void)
{
	int alpn_calls = 0;

	client_and_raw_server(TLS1_2_VERSION, TLS1_3_VERSION, &alpn_calls, TLS_STATE_ESTABLISHED);
	CU_ASSERT_EQUAL(alpn_calls, 1);
	client_and_raw_server(TLS1_2_VERSION, TLS1_3_VERSION, NULL, TLS_STATE_ESTABLISHED);
}

static void client_refuses_old_servers(void)
{
	client_and_raw_server(TLS1_2_VERSION, TLS1_2_VERSION, NULL, TLS_STATE_ESTABLISHED);
	client_and_raw_server(TLS1_VERSION, TLS1_1_VERSION, NULL, TLS_STATE_FAILED);
}

static void refuse_server(const char *certificate, const char *key, const char *ca, const char *why)
{
	static const uint8_t secret[TLS_SECRET_BYTES];
	struct tls_files files = {certificate, key, ca};
	struct tls_error error = {""};

	CU_ASSERT_PTR_NULL(tls_context_create_server(&files, secret, &error));
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, why));
	if (!strstr(error.text, why))
		fprintf(stderr, "%s\n", error.text);
	CU_ASSERT_PTR_NULL(strchr(error.text, '\n'));
}

static void bad_files_are_refused_with_the_reason(void)
{
	const char *certificate = tls_lab_certificate(TLS_LAB_SERVER);
	const char *key = tls_lab_key(TLS_LAB_SERVER);
	struct tls_files no_ca = {NULL, NULL, "/nowhere/ca.pem"};
	struct tls_error error = {""};

	refuse_server("/nowhere/a.pem", key, NULL,
		"certificate /nowhere/a.pem: No such file or directory");
	refuse_server(certificate, "/nowhere/a.key", NULL,
		"key /nowhere/a.key: No such file or directory");
	refuse_server(certificate, tls_lab_key(TLS_LAB_CLIENT), NULL, "key values mismatch");
	refuse_server(key, key, NULL, "no start line");
	refuse_server(certificate, certificate, NULL, "unsupported");
	refuse_server(certificate, key, "/nowhere/ca.pem",
		"CA /nowhere/ca.pem: No such file or directory");
	refuse_server(certificate, key, key, "no certificate");
	CU_ASSERT_PTR_NULL(tls_context_create_client(&no_ca, &error));
	CU_ASSERT_STRING_EQUAL(error.text, "CA /nowhere/ca.pem: No such file or directory");
}

static void only_host_names_are_names(void)
{
	struct tls_context *context = tls_lab_client_context(TLS_LAB_IDENTITIES, TLS_LAB_CA);
	static const char *const bad[] = {"", ".", ".example", "a b", "a/b", "a\nb", "caf\xc3\xa9"};
	char name[256];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(bad); i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(tls_peer_create(context, bad[i], NULL));
		CU_ASSERT_EQUAL(errno, EINVAL);
	}
	memset(name, 'a', sizeof(name));
	name[254] = '\0';
	CU_ASSERT_PTR_NULL(tls_peer_create(context, name, NULL));
	tls_context_destroy(context);
}

static const struct unit_case cases[] = {
	{"good names and addresses are accepted", good_names_and_addresses_are_accepted},
	{"wrong names and addresses are refused", wrong_names_and_addresses_are_refused},
	{"bad certificates are refused with the reason",
		bad_certificates_are_refused_with_the_reason},
	{"system CAs are used without others", system_cas_are_used_without_others},
	{"client certificates are checked where they are asked for",
		client_certificates_are_checked_where_they_are_asked_for},
	{"client certificates are not asked for otherwise",
		client_certificates_are_not_asked_for_otherwise},
	{"only TLS 1.2 and 1.3 are spoken", only_tls_1_2_and_1_3_are_spoken},
	{"TLS 1.2 needs forward secrecy and AEAD", tls_1_2_needs_forward_secrecy_and_aead},
	{"server selects dot and refuses others alone",
		server_selects_dot_and_refuses_others_alone},
	{"client offers dot and tolerates servers without ALPN",
		client_offers_dot_and_tolerates_servers_without_alpn},
	{"client refuses old servers", client_refuses_old_servers},
	{"bad files are refused with the reason", bad_files_are_refused_with_the_reason},
	{"only host names are names", only_host_names_are_names},
};

UNIT_MAIN("tls handshake", cases)
