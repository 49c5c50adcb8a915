// SPDX-License-Identifier: BSD-3-Clause
#include "stream_listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_PERIOD CLOCK_SECOND

static bool is_same(const struct stream_listener *listener, const struct forward_listener *served)
{
	return !listener->tls == !served->tls &&
	       net_endpoint_equal(&listener->endpoint, &served->endpoint);
}

static const struct forward_listener *find_served(const struct stream_listener *listener,
	const struct forward_listener *served, size_t served_count)
{
	for (size_t i = 0; i < served_count; i++) {
		if (is_same(listener, &served[i]))
			return &served[i];
	}
	return NULL;
}

static struct stream_listener *find_listener(
	const struct stream_listeners *listeners, const struct forward_listener *served)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (is_same(&listeners->listeners[i], served))
			return &listeners->listeners[i];
	}
	return NULL;
}

static void listen_at(struct stream_listener *listener, struct stream_clients *clients)
{
	char text[NET_ENDPOINT_TEXT];
	int before = listener->number;

	if (listener->tls)
		listener->number =
			stream_clients_listen_tls(clients, &listener->endpoint, listener->tls);
	else
		listener->number = stream_clients_listen(clients, &listener->endpoint);
	if (listener->number >= 0 || listener->number == before)
		return;
	log_error("%s %s is not served: %s", listener->tls ? "TLS" : "TCP",
		net_endpoint_format(&listener->endpoint, text), strerror(-listener->number));
}

static struct stream_listener *add(struct stream_listeners *listeners,
	const struct forward_listener *served, struct tls_context *context)
{
	if (listeners->count == listeners->room) {
		size_t room = listeners->room ? 2 * listeners->room : 16;
		struct stream_listener *list = realloc(listeners->listeners, room * sizeof(*list));

		if (!list)
			return NULL;
		listeners->listeners = list;
		listeners->room = room;
	}
	listeners->listeners[listeners->count] = (struct stream_listener){
		.endpoint = served->endpoint,
		.tls = context,
	};
	return &listeners->listeners[listeners->count++];
}

static void remove_unserved(struct stream_listeners *listeners, struct stream_clients *clients,
	const struct forward_listener *served, size_t served_count)
{
	size_t kept = 0;

	for (size_t i = 0; i < listeners->count; i++) {
		struct stream_listener *listener = &listeners->listeners[i];

		if (find_served(listener, served, served_count))
			listeners->listeners[kept++] = *listener;
		else if (listener->number >= 0)
			stream_clients_unlisten(clients, listener->number);
	}
	listeners->count = kept;
}

void stream_listeners_follow(struct stream_listeners *listeners, struct stream_clients *clients,
	const struct stream_tls *tls, const struct forward_snapshot *snapshot, uint64_t now)
{
	const struct forward_listener *served;
	size_t count;

	// A new snapshot may stand where the old one was: its address alone does not tell.
	if (snapshot == listeners->followed && now < listeners->next_look)
		return;
	listeners->followed = snapshot;
	listeners->next_look = now + LOOK_PERIOD;
	served = forward_snapshot_stream_listeners(snapshot, &count);
	remove_unserved(listeners, clients, served, count);
	for (size_t i = 0; i < count; i++) {
		struct stream_listener *listener = find_listener(listeners, &served[i]);
		struct tls_context *context =
			served[i].tls ? stream_tls_find(tls, served[i].tls) : NULL;

		// Its certificates are not there: those of a snapshot about to be replaced.
		if (served[i].tls && !context)
			continue;
		if (!listener)
			listener = add(listeners, &served[i], context);
		else if (listener->number >= 0)
			continue;
		if (listener)
			listen_at(listener, clients);
	}
}

void stream_listeners_use_tls(struct stream_listeners *listeners, struct stream_clients *clients,
	const struct stream_tls *tls, const struct stream_tls *old)
{
	size_t kept = 0;

	for (size_t i = 0; i < listeners->count; i++) {
		struct stream_listener *listener = &listeners->listeners[i];

		if (listener->tls) {
			listener->tls = stream_tls_find_next(tls, old, listener->tls);
			// Of other names, or not served any more: the next snapshot says which.
			if (!listener->tls && listener->number >= 0)
				stream_clients_unlisten(clients, listener->number);
			if (!listener->tls)
				continue;
			if (listener->number >= 0)
				stream_clients_use_tls(clients, listener->number, listener->tls);
		}
		listeners->listeners[kept++] = *listener;
	}
	listeners->count = kept;
	listeners->followed = NULL;
}

void stream_listeners_fini(struct stream_listeners *listeners)
{
	free(listeners->listeners);
	*listeners = (struct stream_listeners){0};
}
