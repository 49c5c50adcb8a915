// SPDX-License-Identifier: BSD-3-Clause
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/session.h"

#define NAME_MOST 253 // characters of a host name, RFC 1035, section 2.3.4, without the root's dot

static bool is_host_name(const char *name, size_t length)
{
	if (length == 0 || length > NAME_MOST || name[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	}
	return true;
}

// SNI and certificates have names without the dot of the root (RFC 6066, section 3).
static int set_name(struct tls_peer *peer, const char *name)
{
	size_t length = strlen(name);

	if (length > 1 && name[length - 1] == '.')
		length--;
	if (!is_host_name(name, length))
		return -EINVAL;
	peer->name = strndup(name, length);
	return peer->name ? 0 : -ENOMEM;
}

struct tls_peer *tls_peer_create(
	struct tls_context *context, const char *name, const struct net_address *address)
{
	struct tls_peer *peer = calloc(1, sizeof(*peer));
	int status = 0;

	if (!peer)
		return NULL;
	peer->context = context;
	peer->users = 1;
	context->users++;
	// An address in the place of a name is no name: there is no SNI for it.
	if (!name)
		peer->address = *address;
	else if (net_address_parse(name, &peer->address) < 0)
		status = set_name(peer, name);
	if (status == 0)
		return peer;
	tls_peer_destroy(peer);
	errno = -status;
	return NULL;
}

void tls_peer_use_http2(struct tls_peer *peer)
{
	peer->uses_http2 = true;
}

void tls_peer_destroy(struct tls_peer *peer)
{
	if (!peer || --peer->users)
		return;
	tls_context_destroy(peer->context);
	SSL_SESSION_free(peer->ticket);
	free(peer->name);
	free(peer);
}

static bool is_same_server(const struct tls_peer *a, const struct tls_peer *b)
{
	if (a->name && b->name)
		return strcasecmp(a->name, b->name) == 0;
	return !a->name && !b->name && net_address_equal(&a->address, &b->address);
}

void tls_peer_inherit(struct tls_peer *peer, struct tls_peer *from)
{
	if (!is_same_server(peer, from) ||
		memcmp(peer->context->identity, from->context->identity, TLS_IDENTITY_BYTES) != 0)
		return;
	SSL_SESSION_free(peer->ticket);
	peer->ticket = from->ticket;
	from->ticket = NULL;
}
