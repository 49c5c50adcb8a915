// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_socket.h"

#define SECOND UINT64_C(1000000000)
#define LONG_ANSWER ((size_t)4 << 20)

struct lab {
	char folder[32];
	char path[64];
	struct control_socket *socket;
	uint64_t now;
	bool is_ready; // for who was told to wait
	unsigned int asked;
};

static bool lab_answer(void *context, char *line, struct stats_text *answer)
{
	struct lab *lab = context;

	lab->asked++;
	if (strcmp(line, "wait") == 0)
		return false;
	if (strcmp(line, "long") == 0) {
		for (size_t i = 0; i < LONG_ANSWER; i += 16)
			stats_text_add_string(answer, "0123456789abcde\n");
		return true;
	}
	stats_text_print(answer, "<%s>", line);
	return true;
}

static bool lab_resume(void *context, struct stats_text *answer)
{
	const struct lab *lab = context;

	if (lab->is_ready)
		stats_text_add_string(answer, "resumed");
	return lab->is_ready;
}

static void lab_open(struct lab *lab)
{
	const struct control_handler handler = {lab, lab_answer, lab_resume};

	*lab = (struct lab){.folder = "/tmp/millrace-XXXXXX", .now = SECOND};
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(lab->folder));
	snprintf(lab->path, sizeof(lab->path), "%s/socket", lab->folder);
	lab->socket = control_socket_open(lab->path, &handler);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lab->socket);
}

static void lab_close(struct lab *lab)
{
	control_socket_close(lab->socket);
	CU_ASSERT_EQUAL(access(lab->path, F_OK), -1);
	CU_ASSERT_EQUAL(rmdir(lab->folder), 0);
}

static int lab_connect(struct lab *lab, const char *question)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, lab->path, strlen(lab->path));
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	CU_ASSERT_EQUAL(
		send(fd, question, strlen(question), MSG_NOSIGNAL), (ssize_t)strlen(question));
	control_socket_turn(lab->socket, lab->now);
	control_socket_turn(lab->socket, lab->now);
	return fd;
}

// What can be read, up to the end of the connection: its length, or -1 if it has not ended.
static ssize_t read_all(int fd, char *bytes, size_t room)
{
	size_t length = 0;
	ssize_t count;

	while ((count = recv(fd, bytes + length, room - length, 0)) > 0)
		length += (size_t)count;
	bytes[length] = '\0';
	return count == 0 || errno == ECONNRESET ? (ssize_t)length : -1;
}

static void expect_answer(int fd, const char *expected)
{
	char bytes[256];

	CU_ASSERT_EQUAL(read_all(fd, bytes, sizeof(bytes) - 1), (ssize_t)strlen(expected));
	CU_ASSERT_STRING_EQUAL(bytes, expected);
	close(fd);
}

static void expect_open(int fd)
{
	char bytes[16];

	CU_ASSERT_EQUAL(read_all(fd, bytes, sizeof(bytes) - 1), -1);
}

static void a_line_has_its_answer(void)
{
	struct stat status;
	struct lab lab;
	int fd;

	lab_open(&lab);
	CU_ASSERT_EQUAL(stat(lab.path, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0777, 0660);
	expect_answer(lab_connect(&lab, "status\n"), "<status>");
	expect_answer(lab_connect(&lab, "a b\nmore"), "<a b>");
	fd = lab_connect(&lab, "in ");
	expect_open(fd);
	CU_ASSERT_EQUAL(send(fd, "parts\n", 6, 0), 6);
	control_socket_turn(lab.socket, lab.now);
	expect_answer(fd, "<in parts>");
	lab_close(&lab);
}

static void who_says_nothing_is_forgotten(void)
{
	struct lab lab;
	int silent;

	lab_open(&lab);
	silent = lab_connect(&lab, "stat");
	lab.now += CONTROL_TIME_MOST;
	control_socket_turn(lab.socket, lab.now);
	expect_open(silent);
	lab.now++;
	control_socket_turn(lab.socket, lab.now);
	expect_answer(silent, "");
	lab_close(&lab);
}

static void too_long_a_line_is_refused(void)
{
	char line[CONTROL_LINE_BYTES + 1];
	struct lab lab;

	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	lab_open(&lab);
	expect_answer(lab_connect(&lab, line), "");
	CU_ASSERT_EQUAL(lab.asked, 0);
	lab_close(&lab);
}

// The one that asked first and nothing gives way, and those that were answered do not.
static void silent_clients_give_way(void)
{
	struct lab lab;
	int fds[CONTROL_CLIENTS_MOST];

	lab_open(&lab);
	for (int i = 0; i < CONTROL_CLIENTS_MOST; i++) {
		fds[i] = lab_connect(&lab, "");
		lab.now++;
	}
	expect_answer(lab_connect(&lab, "status\n"), "<status>");
	expect_answer(fds[0], "");
	for (int i = 1; i < CONTROL_CLIENTS_MOST; i++) {
		expect_open(fds[i]);
		close(fds[i]);
	}
	lab_close(&lab);
}

static void an_answer_may_come_later(void)
{
	struct lab lab;
	int fd;

	lab_open(&lab);
	fd = lab_connect(&lab, "wait\n");
	expect_open(fd);
	// As long as it takes.
	lab.now += 10 * CONTROL_TIME_MOST;
	control_socket_turn(lab.socket, lab.now);
	expect_open(fd);
	expect_answer(lab_connect(&lab, "status\n"), "<status>");
	lab.is_ready = true;
	control_socket_turn(lab.socket, lab.now);
	expect_answer(fd, "resumed");
	// One that does not wait for it.
	lab.is_ready = false;
	close(lab_connect(&lab, "wait\n"));
	control_socket_turn(lab.socket, lab.now);
	lab.is_ready = true;
	control_socket_turn(lab.socket, lab.now);
	expect_answer(lab_connect(&lab, "status\n"), "<status>");
	lab_close(&lab);
}

static void a_slow_reader_stalls_nobody(void)
{
	char *bytes = malloc(LONG_ANSWER + 1);
	struct lab lab;
	size_t length = 0;
	int fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	lab_open(&lab);
	fd = lab_connect(&lab, "long\n");
	expect_answer(lab_connect(&lab, "status\n"), "<status>");
	for (int turns = 0; turns < 100000; turns++) {
		ssize_t count = recv(fd, bytes + length, 65536, 0);

		if (count == 0)
			break;
		length += count > 0 ? (size_t)count : 0;
		lab.now += SECOND;
		control_socket_turn(lab.socket, lab.now);
	}
	CU_ASSERT_EQUAL(length, LONG_ANSWER);
	close(fd);
	// One that reads nothing at all.
	fd = lab_connect(&lab, "long\n");
	lab.now += CONTROL_TIME_MOST + 1;
	control_socket_turn(lab.socket, lab.now);
	CU_ASSERT(read_all(fd, bytes, LONG_ANSWER) < (ssize_t)LONG_ANSWER);
	close(fd);
	free(bytes);
	lab_close(&lab);
}

static void a_socket_left_behind_gives_way(void)
{
	const struct control_handler handler = {NULL, lab_answer, lab_resume};
	char kept[80];
	struct lab lab;

	lab_open(&lab);
	CU_ASSERT_PTR_NULL(control_socket_open(lab.path, &handler));
	CU_ASSERT_EQUAL(errno, EADDRINUSE);
	// As after a crash: the file is there, and nobody listens.
	snprintf(kept, sizeof(kept), "%s/kept", lab.folder);
	CU_ASSERT_EQUAL(link(lab.path, kept), 0);
	control_socket_close(lab.socket);
	CU_ASSERT_EQUAL(rename(kept, lab.path), 0);
	lab.socket = control_socket_open(lab.path, &handler);
	CU_ASSERT_PTR_NOT_NULL(lab.socket);
	lab_close(&lab);
}

static const struct unit_case cases[] = {
	{"answers a line", a_line_has_its_answer},
	{"forgets who says nothing", who_says_nothing_is_forgotten},
	{"refuses too long a line", too_long_a_line_is_refused},
	{"lets silent clients give way", silent_clients_give_way},
	{"answers later", an_answer_may_come_later},
	{"is not stalled by a slow reader", a_slow_reader_stalls_nobody},
	{"takes the place of a dead one", a_socket_left_behind_gives_way},
};

UNIT_MAIN("app: control socket", cases)
