// SPDX-License-Identifier: BSD-3-Clause
#include "control.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "control_socket.h"
#include "dns/mnemonic.h"

#define FOLDER "/run/millrace"
#define FOLDER_MODE 0755
#define SAMPLE_PERIOD CLOCK_SECOND

struct control {
	struct app *app;
	struct control_socket *socket;
	uint64_t opened_at;
	uint64_t now; // of this turn
	// The last two samples of all lcores, one behind the other, and when they were taken.
	struct control_sample *samples;
	uint64_t sampled_at[2];
	unsigned int newest;
	// What is asked of the caches; begun until its answer was taken.
	struct cache_request request;
	bool is_begun;
};

static struct control_sample *samples_at(const struct control *control, unsigned int which)
{
	return control->samples + (size_t)which * control->app->lcore_count;
}

static void take_sample(struct control *control)
{
	const struct app *app = control->app;
	struct control_sample *samples;

	control->newest = !control->newest;
	control->sampled_at[control->newest] = control->now;
	samples = samples_at(control, control->newest);
	for (uint16_t i = 0; i < app->lcore_count; i++) {
		const struct stats_counters *counters = forward_lcore_counters(app->lcores[i]);

		samples[i] = (struct control_sample){
			.busy_nanoseconds = stats_read(counters, STATS_BUSY_NANOSECONDS),
			.busy_polls = stats_read(counters, STATS_BUSY_POLLS),
			.frames = stats_group_sum(counters, STATS_GROUP_INPUT) +
				  stats_group_sum(counters, STATS_GROUP_STREAM),
		};
	}
}

// Those below: true with the answer, false when it comes later. `words`: behind the verb.

static bool answer_error(struct stats_json *json, const char *text)
{
	stats_json_string(json, "error", text);
	return true;
}

static bool answer_status(struct control *control, const char *words, struct stats_json *json)
{
	(void)words;
	control_show_status(control->app, control->opened_at, control->now, json);
	return true;
}

static bool answer_upstreams(struct control *control, const char *words, struct stats_json *json)
{
	control_show_upstreams(control->app, words, json);
	return true;
}

static bool answer_drain(struct control *control, const char *words, struct stats_json *json)
{
	control_drain(control->app, words, control->now, json);
	return true;
}

static bool answer_undrain(struct control *control, const char *words, struct stats_json *json)
{
	control_undrain(control->app, words, control->now, json);
	return true;
}

static bool answer_names(struct control *control, const char *words, struct stats_json *json)
{
	(void)words;
	control_show_names(control->app, control->now, json);
	return true;
}

static bool answer_lcores(struct control *control, const char *words, struct stats_json *json)
{
	unsigned int newest = control->newest;
	const struct control_interval interval = {
		.nanoseconds = control->sampled_at[!newest]
				       ? control->sampled_at[newest] - control->sampled_at[!newest]
				       : 0,
		.before = samples_at(control, !newest),
		.after = samples_at(control, newest),
	};

	(void)words;
	control_show_lcores(control->app, &interval, json);
	return true;
}

static void show_answer(struct stats_json *json, const struct cache_shown *shown)
{
	char type[DNS_MNEMONIC_TEXT];

	stats_json_open_object(json, NULL);
	stats_json_number(json, "cache", shown->cache);
	stats_json_string(json, "type", dns_type_format(shown->type, type));
	stats_json_number(json, "class", shown->class_);
	stats_json_truth(json, "do", shown->flags & CACHE_KEY_DO);
	stats_json_truth(json, "cd", shown->flags & CACHE_KEY_CD);
	stats_json_number(json, "subnet_prefix", shown->subnet_family ? shown->subnet_prefix : 0);
	stats_json_string(json, "kind", cache_shown_kind(shown));
	stats_json_number(json, "rcode", shown->rcode);
	stats_json_number(json, "bytes", shown->value_length);
	stats_json_number(json, "age", shown->age);
	stats_json_string(json, "state", shown->ttl > 0 ? "fresh" : "stale");
	stats_json_number(json, "ttl", shown->ttl);
	stats_json_number(json, "stale_seconds", shown->stale);
	stats_json_close_object(json);
}

static void write_request(const struct cache_request *request, struct stats_json *json)
{
	static const char *const counted[] = {
		[CACHE_REQUEST_SHOW] = "found",
		[CACHE_REQUEST_FLUSH] = "removed",
		[CACHE_REQUEST_DUMP] = "saved",
		[CACHE_REQUEST_LOAD] = "loaded",
	};

	if (request->error[0]) {
		stats_json_string(json, "error", request->error);
		return;
	}
	stats_json_number(json, counted[request->verb], (int64_t)request->count);
	stats_json_truth(json, "is_done", request->is_done);
	if (request->verb != CACHE_REQUEST_SHOW)
		return;
	stats_json_open_array(json, "answers");
	for (uint32_t i = 0; i < request->shown_count; i++)
		show_answer(json, &request->shown[i]);
	stats_json_close_array(json);
}

static bool begin_request(struct control *control, enum cache_request_verb verb, const char *words,
	struct stats_json *json)
{
	const struct app *app = control->app;
	const struct forward_caches *caches = app->shared.caches;
	const char *wrong;

	// Whoever asked the last one may have gone before its answer came.
	if (control->is_begun && cache_control_is_done(app->cache_control, &control->request))
		control->is_begun = false;
	if (control->is_begun)
		return answer_error(json, "another request is being served");
	wrong = cache_request_parse(&control->request, verb, words, caches ? caches->count : 0);
	if (wrong)
		return answer_error(json, wrong);
	control->is_begun = cache_control_begin(app->cache_control, &control->request);
	return control->is_begun ? false : answer_error(json, "another request is being served");
}

static bool answer_cache(struct control *control, const char *words, struct stats_json *json)
{
	static const char *const verbs[] = {
		[CACHE_REQUEST_SHOW] = "show",
		[CACHE_REQUEST_FLUSH] = "flush",
		[CACHE_REQUEST_DUMP] = "dump",
		[CACHE_REQUEST_LOAD] = "load",
	};
	size_t length = strcspn(words, " ");

	if (!*words) {
		control_show_caches(control->app, json);
		return true;
	}
	for (size_t i = 0; i < BASE_ARRAY_SIZE(verbs); i++) {
		if (strlen(verbs[i]) == length && memcmp(verbs[i], words, length) == 0)
			return begin_request(
				control, (enum cache_request_verb)i, words + length, json);
	}
	return answer_error(json, "cache takes show, flush, dump or load");
}

// DPDK's own numbers, from 1 on.
static const char *const level_names[] = {
	"emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"};

static bool answer_log_level(struct control *control, const char *words, struct stats_json *json)
{
	uint32_t level;

	(void)control;
	for (uint32_t i = 0; *words && i < BASE_ARRAY_SIZE(level_names); i++) {
		if (strcmp(words, level_names[i]) == 0) {
			rte_log_set_global_level(i + 1);
			words = "";
		}
	}
	if (*words)
		return answer_error(json, "no such level: emergency, alert, critical, error, "
					  "warning, notice, info or debug");
	level = rte_log_get_global_level();
	stats_json_string(json, "log_level",
		level && level <= BASE_ARRAY_SIZE(level_names) ? level_names[level - 1] : "none");
	return true;
}

// It goes on behind the answer: `status` has what came of it.
static bool answer_reload(struct control *control, const char *words, struct stats_json *json)
{
	if (*words)
		return answer_error(json, "reload takes nothing");
	reload_want(control->app);
	stats_json_truth(json, "is_begun", true);
	return true;
}

struct control_verb {
	const char *name;
	bool (*answer)(struct control *control, const char *words, struct stats_json *json);
};

static const struct control_verb verbs[] = {
	{"status", answer_status},
	{"upstreams", answer_upstreams},
	{"drain", answer_drain},
	{"undrain", answer_undrain},
	{"lcores", answer_lcores},
	{"names", answer_names},
	{"cache", answer_cache},
	{"log-level", answer_log_level},
	{"reload", answer_reload},
};

static bool answer_verb(struct control *control, char *line, struct stats_json *json)
{
	size_t length = strcspn(line, " ");
	const char *words = line + length + strspn(line + length, " ");

	for (size_t i = 0; i < BASE_ARRAY_SIZE(verbs); i++) {
		if (strlen(verbs[i].name) == length && memcmp(verbs[i].name, line, length) == 0)
			return verbs[i].answer(control, words, json);
	}
	return answer_error(json, "no such verb");
}

static void end_answer(struct stats_json *json)
{
	stats_json_close_object(json);
	stats_text_add(json->text, "\n", 1);
}

static bool answer_line(void *context, char *line, struct stats_text *answer)
{
	struct stats_json json = {.text = answer};
	size_t length = strcspn(line, "\r");

	while (length && line[length - 1] == ' ')
		length--;
	line[length] = '\0';
	stats_json_open_object(&json, NULL);
	if (answer_verb(context, line, &json)) {
		end_answer(&json);
		return true;
	}
	stats_text_fini(answer);
	return false;
}

static bool resume_line(void *context, struct stats_text *answer)
{
	struct control *control = context;
	struct stats_json json = {.text = answer};

	if (!cache_control_is_done(control->app->cache_control, &control->request))
		return false;
	control->is_begun = false;
	stats_json_open_object(&json, NULL);
	write_request(&control->request, &json);
	end_answer(&json);
	return true;
}

// By default it is named for EAL's file prefix, so that programs beside each other have their own.
static void find_path(const struct app *app, char path[], size_t bytes)
{
	const char *folder = rte_eal_get_runtime_dir();
	const char *prefix = strrchr(folder, '/');

	if (app->options.control_socket) {
		(void)snprintf(path, bytes, "%s", app->options.control_socket);
		return;
	}
	(void)mkdir(FOLDER, FOLDER_MODE); // that it is not there is said by the socket
	(void)snprintf(path, bytes, FOLDER "/%s.sock", prefix ? prefix + 1 : "rte");
}

int control_open(struct app *app)
{
	struct control_handler handler = {.answer = answer_line, .resume = resume_line};
	struct control *control = calloc(1, sizeof(*control));
	char path[1024];
	int error = ENOMEM;

	if (!control)
		goto out;
	app->control = control;
	control->app = app;
	control->opened_at = clock_now();
	control->now = control->opened_at;
	control->samples = calloc(2u * app->lcore_count, sizeof(*control->samples));
	if (!control->samples)
		goto out;
	handler.context = control;
	find_path(app, path, sizeof(path));
	control->socket = control_socket_open(path, &handler);
	if (control->socket)
		return 0;
	error = errno;
	if (!app->options.control_socket) {
		log_warning("millracectl can not ask at %s: %s", path, strerror(error));
		return 0;
	}
	log_error("--control-socket %s: %s", path, strerror(error));
	return -error;
out:
	log_error("millracectl can not ask: %s", strerror(error));
	return -error;
}

void control_close(struct app *app)
{
	if (!app->control)
		return;
	control_socket_close(app->control->socket);
	free(app->control->samples);
	free(app->control);
	app->control = NULL;
}

int control_fd(const struct app *app)
{
	return app->control->socket ? control_socket_fd(app->control->socket) : -1;
}

void control_turn(struct app *app, uint64_t now)
{
	struct control *control = app->control;

	if (!control->socket)
		return;
	control->now = now;
	if (now >= control->sampled_at[control->newest] + SAMPLE_PERIOD)
		take_sample(control);
	control_socket_turn(control->socket, now);
}
