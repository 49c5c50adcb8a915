// SPDX-License-Identifier: BSD-3-Clause
#include "query_log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "error_consolidation.h"
#include "figures.h"
#include "stats/query_format.h"

#define RECORDS_A_TURN 1024
#define TEXT_BYTES ((size_t)65536) // that wait for their reader
// What a pipe that is ready to be written takes without waiting (POSIX: PIPE_BUF).
#define WRITE_BYTES ((size_t)4096)

struct query_log {
	struct query_ring *rings[FORWARD_LCORES_MOST]; // by lcore; none before they are needed
	uint16_t ring_count;
	struct stats_text text;
	size_t written; // of the text
	bool is_socket;
	struct error_consolidations *consolidations;
	struct error_consolidations *next; // of the configuration that is being made
};

static bool is_needed(const struct config *config)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	for (size_t i = 0; i < count; i++) {
		if (servers[i].log_count || servers[i].errors)
			return true;
	}
	return false;
}

// 0 or -ENOMEM.
static int make_rings(struct app *app)
{
	struct query_log *log = app->query_log;

	for (; log->ring_count < app->lcore_count; log->ring_count++) {
		struct query_ring *ring = query_ring_create(QUERY_LOG_RECORDS);

		if (!ring)
			return -ENOMEM;
		log->rings[log->ring_count] = ring;
		forward_lcore_set_records(app->lcores[log->ring_count], ring);
	}
	return 0;
}

int query_log_prepare(struct app *app, const struct config *config, const struct proxy_set *set,
	struct config_error *why)
{
	struct query_log *log = app->query_log;
	int error = is_needed(config) ? make_rings(app) : 0;

	log->next = error_consolidations_create(config, set);
	if (!error && log->next)
		return 0;
	(void)snprintf(why->text, sizeof(why->text), "log and errors: %s", strerror(ENOMEM));
	return -ENOMEM;
}

void query_log_follow(struct app *app)
{
	struct query_log *log = app->query_log;

	if (log->consolidations)
		error_consolidations_tell_rest(log->consolidations, &log->text);
	error_consolidations_destroy(log->consolidations);
	log->consolidations = log->next;
	log->next = NULL;
}

void query_log_forget(struct app *app)
{
	if (!app->query_log)
		return;
	error_consolidations_destroy(app->query_log->next);
	app->query_log->next = NULL;
}

int query_log_open(struct app *app)
{
	struct config_error why = {.text = "log and errors can not start"};
	struct stat status;
	int error = -ENOMEM;

	app->query_log = calloc(1, sizeof(*app->query_log));
	if (app->query_log) {
		app->query_log->is_socket =
			fstat(STDOUT_FILENO, &status) == 0 && S_ISSOCK(status.st_mode);
		error = query_log_prepare(app, app->config, app->set, &why);
	}
	if (error)
		log_error("%s", why.text);
	else
		query_log_follow(app);
	return error;
}

static void write_answer(
	const struct app *app, struct stats_text *text, const struct query_record *record)
{
	size_t count;
	const struct config_log *const *logs = config_logs(app->config, &count);

	// A reload may have left fewer rules.
	if (record->rule >= count)
		return;
	stats_text_add_string(text, "[INFO] ");
	query_format_write(text, logs[record->rule]->format, record);
	stats_text_add(text, "\n", 1);
}

static void write_failure(struct query_log *log, const struct query_record *record, uint64_t now)
{
	char upstream[NET_ENDPOINT_TEXT];
	char what[NET_ENDPOINT_TEXT + 32];
	enum config_error_level level;

	(void)snprintf(what, sizeof(what), "%s: %s",
		net_endpoint_format(&record->upstream, upstream),
		figures_failure_name((enum proxy_failure)record->failure));
	if (error_consolidations_take(log->consolidations, record->group, what, now, &level))
		return;
	error_level_write(&log->text, level);
	query_format_write_failure(&log->text, record);
	stats_text_print(&log->text, "%s\n", what);
}

// Records become text, in turns of the lcores, while it has room. How many.
static uint32_t read_records(const struct app *app, struct query_log *log, uint64_t now)
{
	uint32_t count = 0;
	bool is_empty = false;

	while (!is_empty && count < RECORDS_A_TURN && log->text.length < TEXT_BYTES) {
		is_empty = true;
		for (uint16_t i = 0; i < log->ring_count; i++) {
			const struct query_record *record = query_ring_first(log->rings[i]);

			if (!record)
				continue;
			if (record->kind == QUERY_RECORD_ANSWER)
				write_answer(app, &log->text, record);
			else
				write_failure(log, record, now);
			query_ring_pop(log->rings[i]);
			is_empty = false;
			count++;
		}
	}
	return count;
}

// As much as is taken without waiting.
static void write_text(struct query_log *log)
{
	while (log->written < log->text.length) {
		const char *bytes = log->text.bytes + log->written;
		size_t length = log->text.length - log->written;
		struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
		ssize_t count;

		if (poll(&output, 1, 0) <= 0)
			return;
		if (length > WRITE_BYTES)
			length = WRITE_BYTES;
		count = log->is_socket
				? send(STDOUT_FILENO, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL)
				: write(STDOUT_FILENO, bytes, length);
		if (count < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		// Whoever read it is gone: what there is, is of use to nobody.
		if (count <= 0)
			break;
		log->written += (size_t)count;
	}
	log->text.length = 0;
	log->written = 0;
	if (log->text.is_short)
		stats_text_fini(&log->text);
}

bool query_log_turn(struct app *app, uint64_t now)
{
	struct query_log *log = app->query_log;
	uint32_t count;

	if (!log->ring_count)
		return false;
	write_text(log);
	count = read_records(app, log, now);
	if (log->text.length < TEXT_BYTES)
		error_consolidations_tell(log->consolidations, now, &log->text);
	write_text(log);
	return count == RECORDS_A_TURN && !log->text.length;
}

void query_log_close(struct app *app)
{
	struct query_log *log = app->query_log;

	if (!log)
		return;
	do {
		write_text(log);
	} while (!log->text.length && read_records(app, log, clock_now()));
	if (log->consolidations)
		error_consolidations_tell_rest(log->consolidations, &log->text);
	write_text(log);
	error_consolidations_destroy(log->consolidations);
	error_consolidations_destroy(log->next);
	for (uint16_t i = 0; i < log->ring_count; i++)
		query_ring_destroy(log->rings[i]);
	stats_text_fini(&log->text);
	free(log);
	app->query_log = NULL;
}
