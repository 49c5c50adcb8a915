// SPDX-License-Identifier: BSD-3-Clause
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tls/session.h"

#define ALPN_DOT                                                                                   \
	"\x03"                                                                                     \
	"dot" // RFC 7858's, with its length; registered by RFC 7301's registry

// What stands at the bottom of OpenSSL's error queue is what went wrong first.
static bool refuse(struct tls_error *error, const char *what, const char *file)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_reason_error_string(code);

	if (ERR_SYSTEM_ERROR(code))
		reason = strerror(ERR_GET_REASON(code));
	snprintf(error->text, sizeof(error->text), "%s%s%s: %s", what, file ? " " : "",
		file ? file : "", reason ? reason : "OpenSSL says no more");
	ERR_clear_error();
	return false;
}

// Nobody is asked: a key with a passphrase is refused.
static int give_no_passphrase(char *buffer, int room, int is_for_writing, void *context)
{
	(void)buffer;
	(void)room;
	(void)is_for_writing;
	(void)context;
	return -1;
}

static bool set_protocol(SSL_CTX *ssl)
{
	// BCP 195 (RFC 9325, section 4.2): forward secrecy and AEAD for TLS 1.2, as 1.3 has them.
	static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

	SSL_CTX_set_default_passwd_cb(ssl, give_no_passphrase);
	SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	// An idle session keeps no buffers.
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(ssl, ciphers) == 1;
}

static bool load_certificate(SSL_CTX *ssl, const struct tls_files *files, struct tls_error *error)
{
	if (SSL_CTX_use_certificate_chain_file(ssl, files->certificate) != 1)
		return refuse(error, "certificate", files->certificate);
	if (SSL_CTX_use_PrivateKey_file(ssl, files->key, SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_check_private_key(ssl) != 1)
		return refuse(error, "key", files->key);
	return true;
}

// An empty context of either kind, or NULL with `error` filled in.
static struct tls_context *make_context(const SSL_METHOD *method, struct tls_error *error)
{
	struct tls_context *context = calloc(1, sizeof(*context));

	ERR_clear_error();
	if (!context)
		goto out;
	context->users = 1;
	context->ssl = SSL_CTX_new(method);
	context->memory = tls_session_bio_method();
	if (context->ssl && context->memory && set_protocol(context->ssl))
		return context;
out:
	refuse(error, "TLS 1.2 and 1.3", NULL);
	tls_context_destroy(context);
	return NULL;
}

// Called with each ticket that a server gave: the newest stays. 1: the reference is kept.
static int keep_ticket(SSL *ssl, SSL_SESSION *ticket)
{
	struct tls_session *session = SSL_get_app_data(ssl);

	SSL_SESSION_free(session->peer->ticket);
	session->peer->ticket = ticket;
	return 1;
}

// What it shows and whom it believes, as one number. The system's CAs count as the same ones.
static bool digest_identity(struct tls_context *context)
{
	STACK_OF(X509_OBJECT) *cas = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context->ssl));
	const X509 *own = SSL_CTX_get0_certificate(context->ssl);
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	uint8_t part[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	bool is_good = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;

	if (own)
		is_good = is_good && X509_digest(own, EVP_sha256(), part, &length) == 1 &&
			  EVP_DigestUpdate(digest, part, length) == 1;
	// A CA of ours is no certificate of ours.
	is_good = is_good && EVP_DigestUpdate(digest, own ? "o" : "-", 1) == 1;
	for (int i = 0; is_good && i < sk_X509_OBJECT_num(cas); i++) {
		const X509 *ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(cas, i));

		is_good = !ca || (X509_digest(ca, EVP_sha256(), part, &length) == 1 &&
					 EVP_DigestUpdate(digest, part, length) == 1);
	}
	is_good = is_good && EVP_DigestFinal_ex(digest, context->identity, NULL) == 1;
	EVP_MD_CTX_free(digest);
	return is_good;
}

static bool set_client(SSL_CTX *ssl, const struct tls_files *files, struct tls_error *error)
{
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ssl, keep_ticket);
	if (SSL_CTX_set_alpn_protos(ssl, (const uint8_t *)ALPN_DOT, sizeof(ALPN_DOT) - 1) != 0)
		return refuse(error, "ALPN", NULL);
	if (files->ca && SSL_CTX_load_verify_file(ssl, files->ca) != 1)
		return refuse(error, "CA", files->ca);
	if (!files->ca && SSL_CTX_set_default_verify_paths(ssl) != 1)
		return refuse(error, "the system's CAs", NULL);
	return !files->certificate || load_certificate(ssl, files, error);
}

struct tls_context *tls_context_create_client(
	const struct tls_files *files, struct tls_error *error)
{
	struct tls_context *context = make_context(TLS_client_method(), error);

	if (!context)
		return NULL;
	if (set_client(context->ssl, files, error) &&
		(digest_identity(context) || refuse(error, "certificates", NULL)))
		return context;
	tls_context_destroy(context);
	return NULL;
}

// RFC 7858 has no ALPN, and many clients send none, which never gets here. One that has other
// protocols in mind only is sent away (RFC 7301, section 3.2).
static int select_protocol(SSL *ssl, const unsigned char **selected, unsigned char *selected_length,
	const unsigned char *offered, unsigned int offered_length, void *unused)
{
	static const char dot[] = ALPN_DOT;

	(void)ssl;
	(void)unused;
	for (unsigned int at = 0; at < offered_length; at += 1U + offered[at]) {
		if (offered_length - at < sizeof(dot) - 1 ||
			memcmp(offered + at, dot, sizeof(dot) - 1) != 0)
			continue;
		*selected = offered + at + 1;
		*selected_length = offered[at];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int seal_or_open_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_for_sealing)
{
	struct tls_session *session = SSL_get_app_data(ssl);
	struct tls_ticket_keys *keys = &session->context->ticket_keys;
	int result;

	if (is_for_sealing)
		return tls_ticket_keys_seal(keys, session->now, name, iv, cipher, mac);
	result = tls_ticket_keys_open(keys, session->now, name, iv, cipher, mac);
	// Clients use a ticket of TLS 1.3 once (RFC 8446, appendix C.4): they need a new one each time.
	return result == 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : result;
}

// A ticket opens only where the same certificate is shown and the same CAs are asked for: one from
// a block that asks clients for nothing must not stand for a client's certificate elsewhere.
static bool set_identity(struct tls_context *context, struct tls_error *error)
{
	return (digest_identity(context) &&
		       SSL_CTX_set_session_id_context(
			       context->ssl, context->identity, sizeof(context->identity)) == 1) ||
	       refuse(error, "session tickets", NULL);
}

static bool ask_for_certificates(SSL_CTX *ssl, const char *ca, struct tls_error *error)
{
	STACK_OF(X509_NAME) * names;

	if (SSL_CTX_load_verify_file(ssl, ca) != 1)
		return refuse(error, "CA", ca);
	names = SSL_load_client_CA_file(ca);
	if (!names)
		return refuse(error, "CA", ca);
	SSL_CTX_set_client_CA_list(ssl, names);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return true;
}

static bool set_server(struct tls_context *context, const struct tls_files *files,
	const uint8_t *ticket_secret, struct tls_error *error)
{
	SSL_CTX *ssl = context->ssl;

	if (tls_ticket_keys_init(&context->ticket_keys, ticket_secret) < 0 ||
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, seal_or_open_ticket) != 1 ||
		SSL_CTX_set_num_tickets(ssl, 1) != 1)
		return refuse(error, "session tickets", NULL);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ssl, (long)(TLS_TICKET_PERIOD / CLOCK_SECOND));
	SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_alpn_select_cb(ssl, select_protocol, NULL);
	return load_certificate(ssl, files, error) &&
	       (!files->ca || ask_for_certificates(ssl, files->ca, error)) &&
	       set_identity(context, error);
}

struct tls_context *tls_context_create_server(const struct tls_files *files,
	const uint8_t ticket_secret[TLS_SECRET_BYTES], struct tls_error *error)
{
	struct tls_context *context = make_context(TLS_server_method(), error);

	if (!context || set_server(context, files, ticket_secret, error))
		return context;
	tls_context_destroy(context);
	return NULL;
}

void tls_context_destroy(struct tls_context *context)
{
	if (!context || --context->users)
		return;
	SSL_CTX_free(context->ssl);
	BIO_meth_free(context->memory);
	tls_ticket_keys_fini(&context->ticket_keys);
	free(context);
}
