// SPDX-License-Identifier: BSD-3-Clause
#include "http.h"

#include <errno.h>
#include <endian.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "stream/address.h"

#define BACKLOG 128
#define CONNECTION_BYTES ((size_t)16384) // of a request's head, and of an answer's on its way
#define TURN_PERIOD (100 * CLOCK_MILLISECOND) // timeouts of connections wake nobody

struct http_listener {
	struct http *http;
	struct config_http_listener config;
	struct MHD_Daemon *daemon;
	bool is_kept; // while http_listen() works
};

struct http {
	const struct http_page *pages;
	size_t page_count;
	void *context;
	struct http_listener **listeners;
	size_t listener_count;
	int events; // epoll
	uint64_t due; // the next turn, whatever comes
};

static const struct http_page *find_page(const struct http_listener *listener, const char *path)
{
	for (size_t i = 0; i < listener->http->page_count; i++) {
		const struct http_page *page = &listener->http->pages[i];

		if (listener->config.pages & 1u << i && strcmp(page->path, path) == 0)
			return page;
	}
	return NULL;
}

// Takes what the text holds.
static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned int status,
	const char *type, struct stats_text *text)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	// Without an answer the connection is closed.
	if (text->is_short || !text->bytes) {
		stats_text_fini(text);
		return MHD_NO;
	}
	response =
		MHD_create_response_from_buffer(text->length, text->bytes, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		stats_text_fini(text);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_error(
	struct MHD_Connection *connection, unsigned int status, const char *what)
{
	struct stats_text text = {0};

	stats_text_print(&text, "%s\n", what);
	return answer_text(connection, status, "text/plain; charset=utf-8", &text);
}

// Once a request, with its head read; a body is of no use and not waited for.
static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *body, size_t *body_length,
	void **request)
{
	const struct http_listener *listener = context;
	const struct http_page *page = find_page(listener, path);
	struct stats_text text = {0};
	unsigned int status;

	(void)version;
	(void)body;
	(void)body_length;
	(void)request;
	if (!page)
		return answer_error(connection, MHD_HTTP_NOT_FOUND, "no such page");
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_error(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD");
	status = page->write(listener->http->context, &text);
	return answer_text(connection, status, page->type, &text);
}

// "::" takes connections of IPv4 too, and where there is no IPv6, stands for those alone.
static int bind_all(uint16_t port)
{
	struct sockaddr_in6 both = {.sin6_family = AF_INET6, .sin6_port = htobe16(port)};
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htobe16(port)};
	int one = 1;
	int zero = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool has_ipv6 = fd >= 0;

	if (!has_ipv6)
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		(has_ipv6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero))) ||
		bind(fd, has_ipv6 ? (const void *)&both : (const void *)&ipv4,
			has_ipv6 ? sizeof(both) : sizeof(ipv4))) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

static int bind_one(const struct net_endpoint *endpoint)
{
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(endpoint, &address);
	int one = 1;
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		(address.ss_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
		bind(fd, (const struct sockaddr *)&address, length)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

// A socket that listens, or -errno.
static int open_socket(const struct net_endpoint *endpoint)
{
	static const struct net_address all;
	int fd = net_address_equal(&endpoint->address, &all) ? bind_all(endpoint->port)
							     : bind_one(endpoint);

	if (fd >= 0 && listen(fd, BACKLOG)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

// What clients do wrong is no news.
static void say_nothing(void *context, const char *format, va_list arguments)
{
	(void)context;
	(void)format;
	(void)arguments;
}

static void close_listener(struct http_listener *listener)
{
	// Closes its sockets, too.
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	free(listener);
}

// The descriptor by which the daemon tells that it has work is watched with ours.
static int watch_daemon(const struct http *http, struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct epoll_event event = {.events = EPOLLIN};

	if (!info)
		return -EINVAL;
	return epoll_ctl(http->events, EPOLL_CTL_ADD, info->epoll_fd, &event) ? -errno : 0;
}

// NULL with errno.
static struct http_listener *open_listener(
	struct http *http, const struct config_http_listener *config)
{
	struct http_listener *listener = calloc(1, sizeof(*listener));
	int error;
	int fd;

	if (!listener)
		return NULL;
	listener->http = http;
	listener->config = *config;
	fd = open_socket(&config->endpoint);
	if (fd < 0) {
		free(listener);
		errno = -fd;
		return NULL;
	}
	// From here on the socket is the daemon's, which closes it when it can not start, too.
	listener->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		answer, listener, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MOST,
		MHD_OPTION_CONNECTION_TIMEOUT, HTTP_CONNECTION_SECONDS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_END);
	error = listener->daemon ? watch_daemon(http, listener->daemon) : -ENOMEM;
	if (!error)
		return listener;
	close_listener(listener);
	errno = -error;
	return NULL;
}

struct http *http_create(const struct http_page pages[], size_t page_count, void *context)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->pages = pages;
	http->page_count = page_count;
	http->context = context;
	http->events = epoll_create1(EPOLL_CLOEXEC);
	if (http->events < 0) {
		int error = errno;

		free(http);
		errno = error;
		return NULL;
	}
	return http;
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	for (size_t i = 0; i < http->listener_count; i++)
		close_listener(http->listeners[i]);
	free(http->listeners);
	close(http->events);
	free(http);
}

static struct http_listener *find_listener(
	const struct http *http, const struct net_endpoint *endpoint)
{
	for (size_t i = 0; i < http->listener_count; i++) {
		if (net_endpoint_equal(&http->listeners[i]->config.endpoint, endpoint))
			return http->listeners[i];
	}
	return NULL;
}

// The old ones give way: those that are kept have new pages, the others are closed.
static void replace_listeners(struct http *http, struct http_listener **list,
	const struct config_http_listener listeners[], size_t count)
{
	for (size_t i = 0; i < http->listener_count; i++)
		http->listeners[i]->is_kept = false;
	for (size_t i = 0; i < count; i++) {
		list[i]->is_kept = true;
		list[i]->config = listeners[i];
	}
	for (size_t i = 0; i < http->listener_count; i++) {
		if (!http->listeners[i]->is_kept)
			close_listener(http->listeners[i]);
	}
	free(http->listeners);
	http->listeners = list;
	http->listener_count = count;
}

int http_listen(struct http *http, const struct config_http_listener listeners[], size_t count,
	size_t *failed)
{
	struct http_listener **list = calloc(count + 1, sizeof(struct http_listener *));
	size_t done;
	int error;

	*failed = 0;
	if (!list)
		return -ENOMEM;
	for (done = 0; done < count; done++) {
		list[done] = find_listener(http, &listeners[done].endpoint);
		if (!list[done])
			list[done] = open_listener(http, &listeners[done]);
		if (!list[done]) {
			error = -errno;
			*failed = done;
			goto out;
		}
	}
	replace_listeners(http, list, listeners, count);
	return 0;
out:
	while (done-- > 0) {
		if (!find_listener(http, &listeners[done].endpoint))
			close_listener(list[done]);
	}
	free(list);
	return error;
}

int http_fd(const struct http *http)
{
	return http->events;
}

bool http_turn(struct http *http, uint64_t now)
{
	struct epoll_event event;
	bool has_more = false;

	if (!http->listener_count ||
		(epoll_wait(http->events, &event, 1, 0) <= 0 && now < http->due))
		return false;
	http->due = now + TURN_PERIOD;
	for (size_t i = 0; i < http->listener_count; i++) {
		struct MHD_Daemon *daemon = http->listeners[i]->daemon;
		MHD_UNSIGNED_LONG_LONG wait;

		(void)MHD_run(daemon);
		has_more |= MHD_get_timeout(daemon, &wait) == MHD_YES && !wait;
	}
	if (has_more)
		http->due = now;
	return has_more;
}
