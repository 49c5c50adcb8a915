// SPDX-License-Identifier: BSD-3-Clause
#include "stream_tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tls_files files_of(const struct config_tls_files *files)
{
	return (struct tls_files){
		.certificate = files->certificate, .key = files->key, .ca = files->ca};
}

static struct tls_context *create_server_context(const struct config_tls_files *config,
	const uint8_t secret[TLS_SECRET_BYTES], struct tls_error *error)
{
	struct tls_files files = files_of(config);

	return tls_context_create_server(&files, secret, error);
}

static int fail(struct config_error *error, const char *path, unsigned int line,
	const struct tls_error *reason)
{
	snprintf(error->text, sizeof(error->text), "%s:%u: tls: %s", path, line, reason->text);
	return -EINVAL;
}

static int check_server(
	const struct config_server *server, const char *path, struct config_error *error)
{
	static const uint8_t no_secret[TLS_SECRET_BYTES];
	struct tls_context *context;
	struct tls_error reason;

	if (!server->tls)
		return 0;
	context = create_server_context(server->tls, no_secret, &reason);
	if (!context)
		return fail(error, path, server->line, &reason);
	tls_context_destroy(context);
	return 0;
}

static bool forward_has_tls(const struct config_forward *forward)
{
	for (size_t i = 0; i < forward->upstream_count; i++) {
		if (forward->upstreams[i].is_tls)
			return true;
	}
	return forward->tls.certificate || forward->tls.ca;
}

static int check_forward(
	const struct config_forward *forward, const char *path, struct config_error *error)
{
	struct tls_files files = files_of(&forward->tls);
	struct tls_context *context;
	struct tls_error reason;

	if (!forward_has_tls(forward))
		return 0;
	context = tls_context_create_client(&files, &reason);
	if (!context)
		return fail(error, path, forward->line, &reason);
	tls_context_destroy(context);
	return 0;
}

int stream_tls_check(const struct config *config, const char *path, struct config_error *error)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	const struct config_forward *const *forwards;
	int status = 0;

	for (size_t i = 0; i < count && !status; i++)
		status = check_server(&servers[i], path, error);
	forwards = config_forwards(config, &count);
	for (size_t i = 0; i < count && !status; i++)
		status = check_forward(forwards[i], path, error);
	return status;
}

static bool texts_are_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

struct tls_context *stream_tls_find(
	const struct stream_tls *tls, const struct config_tls_files *files)
{
	for (size_t i = 0; i < tls->count; i++) {
		const struct config_tls_files *known = &tls->contexts[i].files;

		if (texts_are_equal(known->certificate, files->certificate) &&
			texts_are_equal(known->key, files->key) &&
			texts_are_equal(known->ca, files->ca))
			return tls->contexts[i].context;
	}
	return NULL;
}

struct tls_context *stream_tls_find_next(const struct stream_tls *tls, const struct stream_tls *old,
	const struct tls_context *context)
{
	for (size_t i = 0; i < old->count; i++) {
		if (old->contexts[i].context == context)
			return stream_tls_find(tls, &old->contexts[i].files);
	}
	return NULL;
}

static int copy_names(struct config_tls_files *copy, const struct config_tls_files *files)
{
	*copy = (struct config_tls_files){
		.certificate = files->certificate ? strdup(files->certificate) : NULL,
		.key = files->key ? strdup(files->key) : NULL,
		.ca = files->ca ? strdup(files->ca) : NULL,
	};
	if ((files->certificate && !copy->certificate) || (files->key && !copy->key) ||
		(files->ca && !copy->ca))
		return -ENOMEM;
	return 0;
}

static int fail_memory(struct config_error *error)
{
	snprintf(error->text, sizeof(error->text), "tls: %s", strerror(ENOMEM));
	return -ENOMEM;
}

int stream_tls_open(struct stream_tls *tls, const struct config *config,
	const uint8_t secret[TLS_SECRET_BYTES], struct config_error *error)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	tls->contexts = calloc(count + 1, sizeof(*tls->contexts));
	if (!tls->contexts)
		return fail_memory(error);
	for (size_t i = 0; i < count; i++) {
		struct stream_tls_context *context = &tls->contexts[tls->count];
		struct tls_error reason;

		if (!servers[i].tls || stream_tls_find(tls, servers[i].tls))
			continue;
		tls->count++;
		if (copy_names(&context->files, servers[i].tls))
			return fail_memory(error);
		context->context = create_server_context(servers[i].tls, secret, &reason);
		if (!context->context) {
			snprintf(error->text, sizeof(error->text), "tls: %s", reason.text);
			return -EINVAL;
		}
	}
	return 0;
}

void stream_tls_close(struct stream_tls *tls)
{
	for (size_t i = 0; i < tls->count; i++) {
		tls_context_destroy(tls->contexts[i].context);
		free((char *)tls->contexts[i].files.certificate);
		free((char *)tls->contexts[i].files.key);
		free((char *)tls->contexts[i].files.ca);
	}
	free(tls->contexts);
	*tls = (struct stream_tls){0};
}
