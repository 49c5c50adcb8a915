// SPDX-License-Identifier: BSD-3-Clause
#include "tls/session.h"

#include <limits.h>
#include <openssl/bio.h>
#include <string.h>

#include "base/bytes.h"

void tls_session_find_records(struct tls_session *session)
{
	size_t length = tls_buffer_length(&session->input);

	while (length - session->input_whole >= TLS_RECORD_HEADER) {
		const uint8_t *header =
			session->input.bytes + session->input.start + session->input_whole;
		size_t record = TLS_RECORD_HEADER + (size_t)bytes_load_u16(header + 3);

		if (header[0] < SSL3_RT_CHANGE_CIPHER_SPEC ||
			header[0] > SSL3_RT_APPLICATION_DATA || record > TLS_RECORD_MOST) {
			session->input_whole = length;
			return;
		}
		if (length - session->input_whole < record)
			return;
		session->input_whole += record;
	}
}

static int read_input(BIO *bio, char *bytes, int room)
{
	struct tls_session *session = BIO_get_data(bio);
	size_t length = room > 0 ? (size_t)room : 0;

	BIO_clear_retry_flags(bio);
	if (session->input_whole == 0)
		tls_session_find_records(session);
	if (length > session->input_whole)
		length = session->input_whole;
	if (length == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(bytes, session->input.bytes + session->input.start, length);
	tls_buffer_drop(&session->input, length);
	session->input_whole -= length;
	return (int)length;
}

static int write_output(BIO *bio, const char *bytes, int length)
{
	struct tls_session *session = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (length < 0 ||
		tls_buffer_put(&session->output, (const uint8_t *)bytes, (size_t)length) < 0)
		return -1;
	return length;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_session_bio_method(void)
{
	// Without a type number of its own: the process has 127 of them, and a context each would
	// use them up.
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "memory of a session");

	if (!method)
		return NULL;
	if (BIO_meth_set_read(method, read_input) == 1 &&
		BIO_meth_set_write(method, write_output) == 1 &&
		BIO_meth_set_ctrl(method, control) == 1)
		return method;
	BIO_meth_free(method);
	return NULL;
}
