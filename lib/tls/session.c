// SPDX-License-Identifier: BSD-3-Clause
#include "tls/session.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALPN_HTTP2                                                                                 \
	"\x02"                                                                                     \
	"h2" // with its length

// SSL_get_error() takes any error that waits in the thread's queue for its own. Mostly none does.
static void begin_call(void)
{
	if (base_unlikely(ERR_peek_error() != 0))
		ERR_clear_error();
}

// A ticket that came with a failure is not tried again.
static void forget_ticket(struct tls_session *session)
{
	if (!session->peer || session->state != TLS_STATE_HANDSHAKING)
		return;
	SSL_SESSION_free(session->peer->ticket);
	session->peer->ticket = NULL;
}

static void fail(struct tls_session *session, unsigned long error)
{
	forget_ticket(session);
	session->error = error;
	session->state = TLS_STATE_FAILED;
	session->input_whole = 0;
	tls_buffer_drop(&session->input, tls_buffer_length(&session->input));
	ERR_clear_error();
}

// After a call of OpenSSL that did not do what it was asked: false for "not now".
static bool take_result(struct tls_session *session, int result)
{
	switch (SSL_get_error(session->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return false;
	case SSL_ERROR_ZERO_RETURN:
		session->state = TLS_STATE_CLOSED;
		return true;
	default:
		// The oldest error is the cause, the others are what it led to.
		fail(session, ERR_peek_error());
		return true;
	}
}

static bool output_is_full(const struct tls_session *session)
{
	return tls_buffer_length(&session->output) > TLS_OUTPUT_MOST;
}

// It was to be HTTP/2, and the server chose nothing: it knows no ALPN.
static bool has_no_http2(const struct tls_session *session)
{
	const unsigned char *chosen = NULL;
	unsigned int length = 0;

	if (!session->peer || !session->peer->uses_http2)
		return false;
	SSL_get0_alpn_selected(session->ssl, &chosen, &length);
	return length != sizeof(ALPN_HTTP2) - 2 || memcmp(chosen, ALPN_HTTP2 + 1, length) != 0;
}

static void handshake(struct tls_session *session)
{
	int result;

	begin_call();
	result = SSL_do_handshake(session->ssl);
	if (result != 1) {
		take_result(session, result);
	} else if (base_unlikely(has_no_http2(session))) {
		session->lacks_http2 = true;
		fail(session, 0);
	} else {
		session->state = TLS_STATE_ESTABLISHED;
	}
}

static struct tls_session *make_session(struct tls_context *context)
{
	struct tls_session *session = calloc(1, sizeof(*session));
	BIO *memory;

	ERR_clear_error();
	if (!session)
		return NULL;
	session->context = context;
	context->users++;
	session->ssl = SSL_new(context->ssl);
	memory = BIO_new(context->memory);
	if (!session->ssl || !memory || SSL_set_app_data(session->ssl, session) != 1) {
		BIO_free(memory);
		tls_session_destroy(session);
		errno = ENOMEM;
		return NULL;
	}
	BIO_set_data(memory, session);
	BIO_set_init(memory, 1);
	SSL_set_bio(session->ssl, memory, memory);
	return session;
}

struct tls_session *tls_session_create_server(struct tls_context *context)
{
	struct tls_session *session = make_session(context);

	if (session)
		SSL_set_accept_state(session->ssl);
	return session;
}

// What the peer's certificate has to be for.
static bool expect_peer(SSL *ssl, const struct tls_peer *peer)
{
	X509_VERIFY_PARAM *check = SSL_get0_param(ssl);
	bool is_ipv4 = net_address_is_ipv4(&peer->address);

	X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (peer->name)
		return SSL_set_tlsext_host_name(ssl, peer->name) == 1 &&
		       X509_VERIFY_PARAM_set1_host(check, peer->name, 0) == 1;
	return X509_VERIFY_PARAM_set1_ip(check,
		       is_ipv4 ? net_address_ipv4(&peer->address) : peer->address.bytes,
		       is_ipv4 ? 4 : sizeof(peer->address.bytes)) == 1;
}

// Else what the context offers.
static bool offer_http2(SSL *ssl, const struct tls_peer *peer)
{
	return !peer->uses_http2 ||
	       SSL_set_alpn_protos(ssl, (const uint8_t *)ALPN_HTTP2, sizeof(ALPN_HTTP2) - 1) == 0;
}

struct tls_session *tls_session_create_client(struct tls_peer *peer)
{
	struct tls_session *session = make_session(peer->context);

	if (!session)
		return NULL;
	session->peer = peer;
	peer->users++;
	SSL_set_connect_state(session->ssl);
	if (!expect_peer(session->ssl, peer) || !offer_http2(session->ssl, peer) ||
		(peer->ticket && SSL_set_session(session->ssl, peer->ticket) != 1)) {
		tls_session_destroy(session);
		errno = ENOMEM;
		return NULL;
	}
	handshake(session);
	return session;
}

void tls_session_destroy(struct tls_session *session)
{
	if (!session)
		return;
	forget_ticket(session);
	// An end without close_notify says nothing against its ticket, but OpenSSL takes it so.
	if (session->ssl && session->state != TLS_STATE_FAILED)
		SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(session->ssl);
	free(session->input.bytes);
	free(session->output.bytes);
	tls_peer_destroy(session->peer);
	tls_context_destroy(session->context);
	free(session);
	ERR_clear_error();
}

size_t tls_session_input_room(const struct tls_session *session)
{
	return output_is_full(session) ? 0 : TLS_INPUT_MOST - tls_buffer_length(&session->input);
}

size_t tls_session_receive(
	struct tls_session *session, const uint8_t *bytes, size_t length, uint64_t now)
{
	size_t room = tls_session_input_room(session);

	if (session->state == TLS_STATE_FAILED || session->state == TLS_STATE_CLOSED)
		return length;
	if (length > room)
		length = room;
	if (tls_buffer_put(&session->input, bytes, length) < 0) {
		fail(session, ERR_PACK(ERR_LIB_SSL, 0, ERR_R_MALLOC_FAILURE));
		return length;
	}
	session->now = now;
	tls_session_find_records(session);
	if (session->state == TLS_STATE_HANDSHAKING && session->input_whole > 0)
		handshake(session);
	return length;
}

// Without a whole record OpenSSL could only say "not now", at the cost of a small message.
static bool may_have_plaintext(struct tls_session *session)
{
	if (session->input_whole == 0)
		tls_session_find_records(session);
	return session->input_whole > 0 || SSL_has_pending(session->ssl);
}

size_t tls_session_read(struct tls_session *session, uint8_t *bytes, size_t room, uint64_t now)
{
	size_t length = 0, piece;

	session->now = now;
	while (length < room && session->state == TLS_STATE_ESTABLISHED &&
		!output_is_full(session) && may_have_plaintext(session)) {
		int result;

		begin_call();
		result = SSL_read_ex(session->ssl, bytes + length, room - length, &piece);
		if (result == 1)
			length += piece;
		else if (!take_result(session, result))
			break;
	}
	return length;
}

int tls_session_write(struct tls_session *session, const uint8_t *bytes, size_t length)
{
	size_t written;
	int result;

	if (length == 0 || length > TLS_WRITE_MOST)
		return -EMSGSIZE;
	if (session->state == TLS_STATE_FAILED || session->is_shut_down)
		return -EPIPE;
	if (session->state == TLS_STATE_HANDSHAKING || output_is_full(session))
		return -EAGAIN;
	begin_call();
	result = SSL_write_ex(session->ssl, bytes, length, &written);
	if (result == 1)
		return 0;
	// "Not now" when one half of a message of the handshake layer, as a ticket, came so far.
	return take_result(session, result) ? -EPIPE : -EAGAIN;
}

const uint8_t *tls_session_output(const struct tls_session *session, size_t *length)
{
	*length = tls_buffer_length(&session->output);
	return *length > 0 ? session->output.bytes + session->output.start : NULL;
}

void tls_session_output_sent(struct tls_session *session, size_t length)
{
	tls_buffer_drop(&session->output, length);
}

void tls_session_shutdown(struct tls_session *session)
{
	int result;

	if (session->is_shut_down || session->state == TLS_STATE_HANDSHAKING ||
		session->state == TLS_STATE_FAILED)
		return;
	session->is_shut_down = true;
	begin_call();
	// 0: ours is out and the peer's is not here, which nobody waits for.
	result = SSL_shutdown(session->ssl);
	if (result < 0)
		take_result(session, result);
}

enum tls_state tls_session_state(const struct tls_session *session)
{
	return session->state;
}

bool tls_session_was_resumed(const struct tls_session *session)
{
	return (session->state == TLS_STATE_ESTABLISHED || session->state == TLS_STATE_CLOSED) &&
	       SSL_session_reused(session->ssl) == 1;
}

bool tls_session_refused_certificate(const struct tls_session *session)
{
	int reason = ERR_GET_REASON(session->error);

	return session->state == TLS_STATE_FAILED && ERR_GET_LIB(session->error) == ERR_LIB_SSL &&
	       (reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
		       reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
}

static void format_bad_certificate(const struct tls_session *session, char text[TLS_ERROR_TEXT])
{
	const char *reason = X509_verify_cert_error_string(SSL_get_verify_result(session->ssl));
	char address[NET_ADDRESS_TEXT];
	const char *whose = "the client";

	if (session->peer && session->peer->name)
		whose = session->peer->name;
	else if (session->peer)
		whose = net_address_format(&session->peer->address, address);
	snprintf(text, TLS_ERROR_TEXT, "certificate of %s: %s", whose, reason);
}

const char *tls_session_failure(const struct tls_session *session, char text[TLS_ERROR_TEXT])
{
	const char *reason = ERR_reason_error_string(session->error);

	text[0] = '\0';
	if (session->state != TLS_STATE_FAILED)
		return text;
	if (ERR_GET_LIB(session->error) == ERR_LIB_SSL &&
		ERR_GET_REASON(session->error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		format_bad_certificate(session, text);
	else if (session->lacks_http2 ||
		 ERR_GET_REASON(session->error) == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)
		snprintf(text, TLS_ERROR_TEXT, "it does not speak HTTP/2 there (ALPN h2)");
	else
		snprintf(text, TLS_ERROR_TEXT, "%s", reason ? reason : "broken off by OpenSSL");
	return text;
}
