// SPDX-License-Identifier: BSD-3-Clause
// Clients that are to use HTTP/2, with servers that do and do not choose it.
#include "tls_lab.h"
#include "unit.h"

#include <string.h>

#define PIECE 4096
#define REASON "it does not speak HTTP/2 there (ALPN h2)"

enum choice {
	CHOOSES_H2,
	CHOOSES_NOTHING, // and tolerates what it was offered
	KNOWS_NO_ALPN,
	REFUSES,
};

static char offered[64];

static int choose(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
	const unsigned char *list, unsigned int length, void *context)
{
	const enum choice *choice = context;

	(void)ssl;
	snprintf(offered, sizeof(offered), "%.*s", (int)length, list);
	if (*choice == REFUSES)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	if (*choice == CHOOSES_NOTHING)
		return SSL_TLSEXT_ERR_NOACK;
	*chosen = (const unsigned char *)"h2";
	*chosen_length = 2;
	return SSL_TLSEXT_ERR_OK;
}

static void meet(enum choice choice, int version, const char *failure)
{
	SSL_CTX *raw = tls_lab_raw_server_context(version, version);
	struct tls_context *context = tls_lab_client_context(TLS_LAB_IDENTITIES, TLS_LAB_CA);
	struct tls_peer *peer = tls_peer_create(context, TLS_LAB_NAME, NULL);
	struct tls_lab_end client, server;
	char text[TLS_ERROR_TEXT];

	CU_ASSERT_PTR_NOT_NULL_FATAL(peer);
	tls_peer_use_http2(peer);
	if (choice != KNOWS_NO_ALPN)
		SSL_CTX_set_alpn_select_cb(raw, choose, &choice);
	offered[0] = '\0';
	// The second is resumed where the first was not refused.
	for (int i = 0; i < 2; i++) {
		tls_lab_end_init(&server, NULL, tls_lab_raw(raw, true));
		tls_lab_end_init(&client, tls_session_create_client(peer), NULL);
		tls_lab_talk(&client, &server, PIECE, TLS_LAB_NOW);
		CU_ASSERT_EQUAL(tls_session_state(client.session),
			*failure ? TLS_STATE_FAILED : TLS_STATE_ESTABLISHED);
		CU_ASSERT_STRING_EQUAL(tls_session_failure(client.session, text), failure);
		CU_ASSERT_EQUAL(tls_session_was_resumed(client.session), i == 1 && !*failure);
		tls_lab_end_fini(&client);
		tls_lab_end_fini(&server);
	}
	if (choice != KNOWS_NO_ALPN)
		CU_ASSERT_STRING_EQUAL(offered, "\2h2");
	tls_peer_destroy(peer);
	tls_context_destroy(context);
	SSL_CTX_free(raw);
}

static void a_server_that_chooses_it_is_accepted(void)
{
	meet(CHOOSES_H2, TLS1_2_VERSION, "");
	meet(CHOOSES_H2, TLS1_3_VERSION, "");
}

static void a_server_that_does_not_is_refused(void)
{
	for (int choice = CHOOSES_NOTHING; choice <= REFUSES; choice++) {
		meet((enum choice)choice, TLS1_2_VERSION, REASON);
		meet((enum choice)choice, TLS1_3_VERSION, REASON);
	}
}

static const struct unit_case cases[] = {
	{"a server that chooses it is accepted", a_server_that_chooses_it_is_accepted},
	{"a server that does not is refused", a_server_that_does_not_is_refused},
};

UNIT_MAIN("tls_http2", cases)
