// SPDX-License-Identifier: BSD-3-Clause
#include "tls_lab.h"

#include <CUnit/CUnit.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY (24L * 3600)
#define PATH_ROOM 64
#define RECEIVED_ROOM ((size_t)1 << 18)

struct identity {
	const char *name;
	const char *subject_alternatives; // NULL: none
	enum tls_lab_identity issuer;
	long start; // seconds from now
	long end;
};

#define SERVER_ALTERNATIVES "DNS:" TLS_LAB_NAME ",IP:" TLS_LAB_ADDRESS ",IP:" TLS_LAB_ADDRESS6

static const struct identity identities[TLS_LAB_IDENTITIES] = {
	[TLS_LAB_CA] = {"ca", NULL, TLS_LAB_CA, -DAY, DAY},
	[TLS_LAB_OTHER_CA] = {"other-ca", NULL, TLS_LAB_OTHER_CA, -DAY, DAY},
	[TLS_LAB_SERVER] = {"server", SERVER_ALTERNATIVES, TLS_LAB_CA, -DAY, DAY},
	[TLS_LAB_OTHER_SERVER] = {"other-server", "DNS:other.example.test,IP:192.0.2.54",
		TLS_LAB_CA, -DAY, DAY},
	[TLS_LAB_EXPIRED] = {"expired", SERVER_ALTERNATIVES, TLS_LAB_CA, -2 * DAY, -DAY},
	[TLS_LAB_NOT_YET] = {"not-yet", SERVER_ALTERNATIVES, TLS_LAB_CA, DAY, 2 * DAY},
	[TLS_LAB_SELF_SIGNED] = {"self-signed", SERVER_ALTERNATIVES, TLS_LAB_SELF_SIGNED, -DAY,
		DAY},
	[TLS_LAB_UNKNOWN_CA] = {"unknown-ca", SERVER_ALTERNATIVES, TLS_LAB_OTHER_CA, -DAY, DAY},
	[TLS_LAB_CLIENT] = {"client", "DNS:client.example.test", TLS_LAB_CA, -DAY, DAY},
	[TLS_LAB_OTHER_CLIENT] = {"other-client", "DNS:client.example.test", TLS_LAB_OTHER_CA, -DAY,
		DAY},
};

static struct {
	bool is_made;
	char folder[PATH_ROOM / 2];
	char certificate[TLS_LAB_IDENTITIES][PATH_ROOM];
	char key[TLS_LAB_IDENTITIES][PATH_ROOM];
	X509 *certificates[TLS_LAB_IDENTITIES];
	EVP_PKEY *keys[TLS_LAB_IDENTITIES];
} lab;

static void must(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "tls_lab: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static void remove_files(void)
{
	for (int i = 0; i < TLS_LAB_IDENTITIES; i++) {
		unlink(lab.certificate[i]);
		unlink(lab.key[i]);
		X509_free(lab.certificates[i]);
		EVP_PKEY_free(lab.keys[i]);
	}
	rmdir(lab.folder);
}

static void add_extension(X509 *certificate, int kind, const char *text)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, text);

	must(extension && X509_add_ext(certificate, extension, -1) == 1, text);
	X509_EXTENSION_free(extension);
}

static void make_certificate(enum tls_lab_identity which)
{
	const struct identity *identity = &identities[which];
	bool is_ca = which == TLS_LAB_CA || which == TLS_LAB_OTHER_CA;
	X509 *certificate = X509_new();
	X509_NAME *subject;

	lab.keys[which] = EVP_EC_gen("P-256");
	must(certificate && lab.keys[which], "a key");
	lab.certificates[which] = certificate;
	subject = X509_get_subject_name(certificate);
	must(X509_set_version(certificate, X509_VERSION_3) == 1 &&
			ASN1_INTEGER_set(X509_get_serialNumber(certificate), which + 1) == 1 &&
			X509_gmtime_adj(X509_getm_notBefore(certificate), identity->start) &&
			X509_gmtime_adj(X509_getm_notAfter(certificate), identity->end) &&
			X509_set_pubkey(certificate, lab.keys[which]) == 1 &&
			X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				(const uint8_t *)identity->name, -1, -1, 0) == 1 &&
			X509_set_issuer_name(certificate,
				X509_get_subject_name(lab.certificates[identity->issuer])) == 1,
		"a certificate");
	add_extension(certificate, NID_basic_constraints,
		is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (identity->subject_alternatives)
		add_extension(certificate, NID_subject_alt_name, identity->subject_alternatives);
	must(X509_sign(certificate, lab.keys[identity->issuer], EVP_sha256()) > 0, "a signature");
}

static void write_files(enum tls_lab_identity which)
{
	const char *name = identities[which].name;
	FILE *file;

	snprintf(lab.certificate[which], PATH_ROOM, "%s/%s.pem", lab.folder, name);
	snprintf(lab.key[which], PATH_ROOM, "%s/%s.key", lab.folder, name);
	file = fopen(lab.certificate[which], "w");
	must(file && PEM_write_X509(file, lab.certificates[which]) == 1 && fclose(file) == 0, name);
	file = fopen(lab.key[which], "w");
	must(file && PEM_write_PrivateKey(file, lab.keys[which], NULL, NULL, 0, NULL, NULL) == 1 &&
			fclose(file) == 0,
		name);
}

static void make_files(void)
{
	if (lab.is_made)
		return;
	lab.is_made = true;
	strcpy(lab.folder, "/tmp/millrace-tls-XXXXXX");
	must(mkdtemp(lab.folder), "mkdtemp");
	atexit(remove_files);
	for (int i = 0; i < TLS_LAB_IDENTITIES; i++) {
		make_certificate((enum tls_lab_identity)i);
		write_files((enum tls_lab_identity)i);
	}
}

const char *tls_lab_certificate(enum tls_lab_identity identity)
{
	make_files();
	return lab.certificate[identity];
}

const char *tls_lab_key(enum tls_lab_identity identity)
{
	make_files();
	return lab.key[identity];
}

struct tls_context *tls_lab_server_context(
	enum tls_lab_identity identity, uint8_t secret, enum tls_lab_identity ca)
{
	struct tls_files files = {tls_lab_certificate(identity), tls_lab_key(identity), NULL};
	uint8_t bytes[TLS_SECRET_BYTES];
	struct tls_error error = {""};
	struct tls_context *context;

	if (ca != TLS_LAB_IDENTITIES)
		files.ca = tls_lab_certificate(ca);
	memset(bytes, secret, sizeof(bytes));
	context = tls_context_create_server(&files, bytes, &error);
	must(context, error.text);
	return context;
}

struct tls_context *tls_lab_client_context(enum tls_lab_identity identity, enum tls_lab_identity ca)
{
	struct tls_files files = {NULL, NULL, tls_lab_certificate(ca)};
	struct tls_error error = {""};
	struct tls_context *context;

	if (identity != TLS_LAB_IDENTITIES) {
		files.certificate = tls_lab_certificate(identity);
		files.key = tls_lab_key(identity);
	}
	context = tls_context_create_client(&files, &error);
	must(context, error.text);
	return context;
}

void tls_lab_end_init(struct tls_lab_end *end, struct tls_session *session, SSL *raw)
{
	*end = (struct tls_lab_end){.session = session, .raw = raw};
	end->received = malloc(RECEIVED_ROOM);
	must(end->received && (session || raw), "an end");
}

void tls_lab_end_fini(struct tls_lab_end *end)
{
	tls_session_destroy(end->session);
	SSL_free(end->raw);
	free(end->received);
}

static SSL_CTX *raw_context(const SSL_METHOD *method, int least_version, int most_version)
{
	SSL_CTX *context = SSL_CTX_new(method);

	// The lowest security level, for the versions and ciphers that tls/ has to refuse.
	must(context && SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") == 1 &&
			SSL_CTX_set_min_proto_version(context, least_version) == 1 &&
			SSL_CTX_set_max_proto_version(context, most_version) == 1,
		"a context of OpenSSL");
	return context;
}

SSL_CTX *tls_lab_raw_client_context(int least_version, int most_version)
{
	return raw_context(TLS_client_method(), least_version, most_version);
}

SSL_CTX *tls_lab_raw_server_context(int least_version, int most_version)
{
	SSL_CTX *context = raw_context(TLS_server_method(), least_version, most_version);

	must(SSL_CTX_use_certificate_file(
		     context, tls_lab_certificate(TLS_LAB_SERVER), SSL_FILETYPE_PEM) == 1 &&
			SSL_CTX_use_PrivateKey_file(
				context, tls_lab_key(TLS_LAB_SERVER), SSL_FILETYPE_PEM) == 1,
		"a certificate for OpenSSL");
	return context;
}

SSL *tls_lab_raw(SSL_CTX *context, bool is_server)
{
	SSL *raw = SSL_new(context);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	must(raw && in && out, "OpenSSL's end");
	SSL_set_bio(raw, in, out);
	if (is_server)
		SSL_set_accept_state(raw);
	else
		SSL_set_connect_state(raw);
	return raw;
}

void tls_lab_take(struct tls_lab_end *from, uint8_t *bytes, size_t *length)
{
	const uint8_t *output;
	size_t waiting;

	if (from->raw) {
		int taken = BIO_read(SSL_get_wbio(from->raw), bytes, (int)*length);

		*length = taken > 0 ? (size_t)taken : 0;
		return;
	}
	output = tls_session_output(from->session, &waiting);
	if (waiting < *length)
		*length = waiting;
	if (*length == 0)
		return;
	memcpy(bytes, output, *length);
	tls_session_output_sent(from->session, *length);
}

static void read_raw(struct tls_lab_end *end)
{
	int got;

	do {
		ERR_clear_error();
		got = SSL_read(
			end->raw, end->received + end->length, (int)(RECEIVED_ROOM - end->length));
		if (got > 0)
			end->length += (size_t)got;
	} while (got > 0);
}

void tls_lab_give(struct tls_lab_end *to, const uint8_t *bytes, size_t length, uint64_t now)
{
	size_t taken;

	if (to->raw) {
		if (length > 0)
			BIO_write(SSL_get_rbio(to->raw), bytes, (int)length);
		read_raw(to);
		return;
	}
	for (size_t at = 0; at < length; at += taken) {
		taken = tls_session_receive(to->session, bytes + at, length - at, now);
		must(taken > 0, "a session takes nothing");
		to->length += tls_session_read(
			to->session, to->received + to->length, RECEIVED_ROOM - to->length, now);
	}
}

void tls_lab_talk(struct tls_lab_end *a, struct tls_lab_end *b, size_t piece, uint64_t now)
{
	static uint8_t bytes[65536];
	size_t quiet = 0;

	must(piece <= sizeof(bytes), "the piece");
	if (a->raw)
		read_raw(a);
	if (b->raw)
		read_raw(b);
	while (quiet < 2) {
		size_t length = piece;

		tls_lab_take(a, bytes, &length);
		quiet = length > 0 ? 0 : quiet + 1;
		if (length > 0) {
			tls_lab_give(b, bytes, length, now);
			continue;
		}
		struct tls_lab_end *other = a;

		a = b;
		b = other;
	}
}
