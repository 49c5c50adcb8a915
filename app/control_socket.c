// SPDX-License-Identifier: BSD-3-Clause
#include "control_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 32
#define EVENTS_A_TURN 16

enum control_state {
	CONTROL_CLOSED,
	CONTROL_ASKS, // its line is read
	CONTROL_WAITS, // for the handler to resume
	CONTROL_READS, // its answer is sent
};

struct control_client {
	int fd;
	enum control_state state;
	uint64_t deadline; // while it asks or reads
	char line[CONTROL_LINE_BYTES];
	size_t line_length;
	struct stats_text answer;
	size_t sent;
};

struct control_socket {
	struct control_handler handler;
	struct sockaddr_un address;
	int listener;
	int events; // epoll; the data is the client's number, CONTROL_CLIENTS_MOST for the listener
	struct control_client *waiting; // the one that is to be resumed
	struct control_client clients[CONTROL_CLIENTS_MOST];
};

static bool somebody_listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool listens;

	if (fd < 0)
		return true;
	listens = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		  errno == EAGAIN;
	close(fd);
	return listens;
}

// A socket that nobody can connect to before its permissions are right, or -errno.
static int open_listener(const struct sockaddr_un *address)
{
	struct stat status;
	int fd;
	int error;

	if (stat(address->sun_path, &status) == 0) {
		if (!S_ISSOCK(status.st_mode) || somebody_listens(address))
			return -EADDRINUSE;
		(void)unlink(address->sun_path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0) {
		if (chmod(address->sun_path, CONTROL_SOCKET_MODE) == 0 && listen(fd, BACKLOG) == 0)
			return fd;
		error = -errno;
		(void)unlink(address->sun_path);
	} else {
		error = -errno;
	}
	close(fd);
	return error;
}

static int watch_fd(struct control_socket *socket, int fd, uint32_t number, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.u32 = number};

	return epoll_ctl(socket->events, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int control_socket_fill(struct control_socket *socket)
{
	int fd = open_listener(&socket->address);

	if (fd < 0)
		return fd;
	socket->listener = fd;
	socket->events = epoll_create1(EPOLL_CLOEXEC);
	if (socket->events < 0)
		return -errno;
	return watch_fd(socket, fd, CONTROL_CLIENTS_MOST, EPOLLIN);
}

struct control_socket *control_socket_open(const char *path, const struct control_handler *handler)
{
	struct control_socket *socket = calloc(1, sizeof(*socket));
	int error;

	if (!socket)
		return NULL;
	socket->handler = *handler;
	socket->listener = -1;
	socket->events = -1;
	socket->address.sun_family = AF_UNIX;
	if (strlen(path) < sizeof(socket->address.sun_path)) {
		memcpy(socket->address.sun_path, path, strlen(path) + 1);
		error = control_socket_fill(socket);
	} else {
		error = -ENAMETOOLONG;
	}
	if (!error)
		return socket;
	control_socket_close(socket);
	errno = -error;
	return NULL;
}

static void close_client(struct control_socket *socket, struct control_client *client)
{
	// Nobody is told what the answer was; the handler goes on to its end.
	if (client->state == CONTROL_CLOSED)
		return;
	close(client->fd);
	stats_text_fini(&client->answer);
	client->state = CONTROL_CLOSED;
	if (socket->waiting == client)
		socket->waiting = NULL;
}

void control_socket_close(struct control_socket *socket)
{
	if (!socket)
		return;
	for (int i = 0; i < CONTROL_CLIENTS_MOST; i++)
		close_client(socket, &socket->clients[i]);
	if (socket->listener >= 0) {
		close(socket->listener);
		(void)unlink(socket->address.sun_path);
	}
	if (socket->events >= 0)
		close(socket->events);
	free(socket);
}

int control_socket_fd(const struct control_socket *socket)
{
	return socket->events;
}

// One that is free, or the one that has been asking for longest. NULL: all have asked.
static struct control_client *find_place(struct control_socket *socket)
{
	struct control_client *oldest = NULL;

	for (int i = 0; i < CONTROL_CLIENTS_MOST; i++) {
		struct control_client *client = &socket->clients[i];

		if (client->state == CONTROL_CLOSED)
			return client;
		if (client->state == CONTROL_ASKS &&
			(!oldest || client->deadline < oldest->deadline))
			oldest = client;
	}
	if (oldest)
		close_client(socket, oldest);
	return oldest;
}

static void accept_client(struct control_socket *socket, uint64_t now)
{
	int fd = accept4(socket->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct control_client *client;

	if (fd < 0)
		return;
	client = find_place(socket);
	if (!client || watch_fd(socket, fd, (uint32_t)(client - socket->clients), EPOLLIN) != 0) {
		close(fd);
		return;
	}
	client->fd = fd;
	client->state = CONTROL_ASKS;
	client->deadline = now + CONTROL_TIME_MOST;
	client->line_length = 0;
	client->sent = 0;
}

static void send_answer(struct control_socket *socket, struct control_client *client, uint64_t now)
{
	size_t left = client->answer.length - client->sent;
	ssize_t sent = send(client->fd, client->answer.bytes + client->sent, left, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0 || (size_t)sent == left) {
		close_client(socket, client);
		return;
	}
	client->sent += (size_t)sent;
	client->deadline = now + CONTROL_TIME_MOST;
}

// The answer is whole.
static void begin_answer(struct control_socket *socket, struct control_client *client, uint64_t now)
{
	struct epoll_event event = {
		.events = EPOLLOUT, .data.u32 = (uint32_t)(client - socket->clients)};

	client->state = CONTROL_READS;
	client->deadline = now + CONTROL_TIME_MOST;
	if (client->answer.is_short || !client->answer.length ||
		epoll_ctl(socket->events, EPOLL_CTL_MOD, client->fd, &event)) {
		close_client(socket, client);
		return;
	}
	send_answer(socket, client, now);
}

static void answer_line(struct control_socket *socket, struct control_client *client, uint64_t now)
{
	// Only an end of the connection is of interest until there is an answer.
	struct epoll_event none = {.data.u32 = (uint32_t)(client - socket->clients)};

	if (socket->handler.answer(socket->handler.context, client->line, &client->answer)) {
		begin_answer(socket, client, now);
		return;
	}
	client->state = CONTROL_WAITS;
	socket->waiting = client;
	if (epoll_ctl(socket->events, EPOLL_CTL_MOD, client->fd, &none))
		close_client(socket, client);
}

static void read_line(struct control_socket *socket, struct control_client *client, uint64_t now)
{
	size_t room = sizeof(client->line) - client->line_length;
	ssize_t length = recv(client->fd, client->line + client->line_length, room, 0);
	char *end;

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (length <= 0) {
		close_client(socket, client);
		return;
	}
	client->line_length += (size_t)length;
	end = memchr(client->line, '\n', client->line_length);
	if (end) {
		*end = '\0';
		answer_line(socket, client, now);
	} else if (client->line_length == sizeof(client->line)) {
		close_client(socket, client);
	}
}

static void handle_event(
	struct control_socket *socket, const struct epoll_event *event, uint64_t now)
{
	struct control_client *client = &socket->clients[event->data.u32 % CONTROL_CLIENTS_MOST];

	if (event->data.u32 == CONTROL_CLIENTS_MOST) {
		accept_client(socket, now);
		return;
	}
	switch (client->state) {
	case CONTROL_CLOSED:
		break;
	case CONTROL_ASKS:
		read_line(socket, client, now);
		break;
	case CONTROL_WAITS:
		close_client(socket, client);
		break;
	case CONTROL_READS:
		send_answer(socket, client, now);
		break;
	}
}

static void close_late_clients(struct control_socket *socket, uint64_t now)
{
	for (int i = 0; i < CONTROL_CLIENTS_MOST; i++) {
		struct control_client *client = &socket->clients[i];

		if ((client->state == CONTROL_ASKS || client->state == CONTROL_READS) &&
			now > client->deadline)
			close_client(socket, client);
	}
}

void control_socket_turn(struct control_socket *socket, uint64_t now)
{
	struct epoll_event events[EVENTS_A_TURN];
	int count = epoll_wait(socket->events, events, EVENTS_A_TURN, 0);

	for (int i = 0; i < count; i++)
		handle_event(socket, &events[i], now);
	close_late_clients(socket, now);
	if (socket->waiting &&
		socket->handler.resume(socket->handler.context, &socket->waiting->answer)) {
		struct control_client *client = socket->waiting;

		socket->waiting = NULL;
		begin_answer(socket, client, now);
	}
}
