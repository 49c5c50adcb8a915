// SPDX-License-Identifier: BSD-3-Clause
// Asks a millrace that runs. One line goes there, one answer comes back (app/control.h).
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "answer.h"

#define WAIT_SECONDS 10
#define LINE_BYTES 2048
#define ANSWER_BYTES_MOST ((size_t)64 << 20)
#define STATUS_REFUSED 1 // it answered that it can not be done
#define STATUS_FAILED 2 // nobody answered

static const char help[] =
	"usage: millracectl [--socket PATH | -f PREFIX] [--json] VERB [WORD...]\n"
	"\n"
	"Asks a millrace that runs, and shows the answer as a table, or with --json as it comes.\n"
	"\n"
	"  status                      the program\n"
	"  upstreams [WHICH]           state, round trip, queries and connections; WHICH is a "
	"number\n"
	"                              or ADDRESS[:PORT], and shown in full\n"
	"  drain WHICH                 sends it no query any more; those on their way finish\n"
	"  undrain WHICH               sends it some again, and more step by step\n"
	"  lcores                      busy share and burst of the last second, hops, drops\n"
	"  names                       host names of upstreams, their addresses, lookups\n"
	"  cache                       what the caches hold\n"
	"  cache show NAME [TYPE] [N]  the answers under a name, of all caches or number N\n"
	"  cache flush all [N]         removes answers; also: name NAME, zone NAME\n"
	"  cache dump FILE [N]         saves a cache (the first) to a file there\n"
	"  cache load FILE [N]         loads it\n"
	"  log-level [LEVEL]           of DPDK: emergency to debug\n"
	"  reload                      reads the configuration again; see status\n"
	"\n"
	"  --socket PATH  where it listens, in place of /run/millrace/PREFIX.sock\n"
	"  -f PREFIX      EAL's --file-prefix of it (rte)\n";

struct request {
	struct sockaddr_un address;
	char line[LINE_BYTES];
	size_t length;
	bool wants_json;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "millracectl: %s: %s\n", what, why);
	return STATUS_FAILED;
}

static bool set_path(struct request *request, const char *format_before, const char *name,
	const char *format_after)
{
	int length = snprintf(request->address.sun_path, sizeof(request->address.sun_path),
		"%s%s%s", format_before, name, format_after);

	return length > 0 && (size_t)length < sizeof(request->address.sun_path);
}

// The words with a blank between them, and the end of the line.
static bool set_line(struct request *request, int count, char *const words[])
{
	for (int i = 0; i < count; i++) {
		size_t room = sizeof(request->line) - request->length;
		int length = snprintf(
			request->line + request->length, room, "%s%s", i ? " " : "", words[i]);

		if (length < 0 || (size_t)length + 1 >= room || strchr(words[i], '\n'))
			return false;
		request->length += (size_t)length;
	}
	request->line[request->length++] = '\n';
	return true;
}

// 0, or the status to exit with; -1 when all is done.
static int parse(struct request *request, int argc, char *argv[])
{
	static const struct option known[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool fits = set_path(request, "/run/millrace/", "rte", ".sock");
	int option;

	while ((option = getopt_long(argc, argv, "+f:h", known, NULL)) != -1) {
		if (option == 's') {
			fits = set_path(request, "", optarg, "");
		} else if (option == 'f') {
			fits = set_path(request, "/run/millrace/", optarg, ".sock");
		} else if (option == 'j') {
			request->wants_json = true;
		} else if (option == 'h') {
			fputs(help, stdout);
			return -1;
		} else {
			return STATUS_FAILED;
		}
	}
	if (!fits)
		return fail("the socket", strerror(ENAMETOOLONG));
	if (optind == argc) {
		fputs(help, stderr);
		return STATUS_FAILED;
	}
	if (!set_line(request, argc - optind, argv + optind))
		return fail(argv[optind], "too long a line");
	return 0;
}

// A connection on which the line was sent, or -1 with errno.
static int ask(const struct request *request)
{
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
		connect(fd, (const struct sockaddr *)&request->address, sizeof(request->address)) ==
			0 &&
		send(fd, request->line, request->length, MSG_NOSIGNAL) == (ssize_t)request->length)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

// All that comes up to the end of the connection. NULL with errno.
static char *read_answer(int fd, size_t *length)
{
	size_t room = 65536;
	char *text = malloc(room);
	ssize_t count = -1;

	*length = 0;
	while (text) {
		count = recv(fd, text + *length, room - *length, 0);
		if (count <= 0)
			break;
		*length += (size_t)count;
		if (*length == room) {
			char *more = room < ANSWER_BYTES_MOST ? realloc(text, room * 2) : NULL;

			if (!more)
				break;
			text = more;
			room *= 2;
		}
	}
	if (text && count == 0)
		return text;
	if (text && count > 0)
		errno = EMSGSIZE;
	free(text);
	return NULL;
}

static int show(const struct request *request, const char *text, size_t length)
{
	struct json_value *answer = json_read(text, length);
	const struct json_value *error;
	int status = 0;

	if (!answer || answer->kind != JSON_OBJECT) {
		json_free(answer);
		return fail(request->address.sun_path, "no answer that can be read");
	}
	error = json_find(answer, "error");
	if (error) {
		status = STATUS_REFUSED;
		fprintf(stderr, "millracectl: %s\n", error->text ? error->text : "refused");
	}
	if (request->wants_json)
		fwrite(text, 1, length, stdout);
	else if (!error)
		answer_print(stdout, answer);
	json_free(answer);
	return status;
}

int main(int argc, char *argv[])
{
	struct request request = {.address = {.sun_family = AF_UNIX}};
	size_t length;
	char *text = NULL;
	int status = parse(&request, argc, argv);
	int fd;

	if (status)
		return status < 0 ? 0 : status;
	fd = ask(&request);
	if (fd >= 0) {
		text = read_answer(fd, &length);
		if (!text)
			status = fail(request.address.sun_path, strerror(errno));
		close(fd);
	} else {
		status = fail(request.address.sun_path, strerror(errno));
	}
	if (text)
		status = show(&request, text, length);
	free(text);
	return status;
}
