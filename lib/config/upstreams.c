// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <string.h>

#include "config/import.h"
#include "config/reader.h"
#include "config/values.h"

#define UPSTREAM_PORT 53
#define UPSTREAM_TLS_PORT 853 // RFC 7858, section 3.1
#define UPSTREAM_HTTPS_PORT 443 // RFC 9110, section 4.2.2

// Hosts are told apart by their names, as long as they have no address.
static bool upstreams_are_equal(const struct config_upstream *a, const struct config_upstream *b)
{
	static const struct net_address none;

	return net_endpoint_equal(&a->endpoint, &b->endpoint) && a->is_tls == b->is_tls &&
	       a->is_https == b->is_https &&
	       (a->host == b->host || !net_address_equal(&a->endpoint.address, &none));
}

int config_add_upstream(struct config_reader *reader, struct config_place place, const char *text,
	const struct config_upstream *upstream, struct config_forward *forward)
{
	struct config_upstream *list;

	for (size_t i = 0; i < forward->upstream_count; i++) {
		if (upstreams_are_equal(&forward->upstreams[i], upstream))
			return 0;
	}
	if (reader->upstream_count == CONFIG_UPSTREAM_COUNT)
		return config_fail(reader->error, place, CONFIG_WORD " is beyond %d upstreams",
			text, CONFIG_UPSTREAM_COUNT);
	list = config_arena_grow(
		reader->arena, forward->upstreams, forward->upstream_count, sizeof(*list));
	if (!list)
		return config_fail_memory(reader->error, place);
	reader->upstream_count++;
	forward->upstreams = list;
	list[forward->upstream_count++] = *upstream;
	return 0;
}

static int upstreams_add(struct config_reader *reader, struct config_place place, const char *text,
	const struct config_upstream *upstream, struct config_forward *forward)
{
	const struct net_address *address = &upstream->endpoint.address;

	// Loopback is where a resolver on the same host would be; no other of these answers.
	if (net_address_is_unfit_as_source(address) && !config_address_is_loopback(address))
		return config_fail(
			reader->error, place, CONFIG_WORD " is not the address of a server", text);
	return config_add_upstream(reader, place, text, upstream, forward);
}

// One line of a file in the form of resolv.conf: "nameserver ADDRESS"; all others are not ours.
static int upstreams_read_file_line(struct config_reader *reader, struct config_place place,
	char *line, struct config_forward *forward)
{
	static const char space[] = " \t\r\v\f";
	struct config_upstream upstream = {.endpoint.port = UPSTREAM_PORT, .weight = 1};
	char *rest = NULL;
	const char *word;

	line[strcspn(line, "#;")] = '\0';
	word = strtok_r(line, space, &rest);
	if (!word || strcmp(word, "nameserver") != 0)
		return 0;
	word = strtok_r(NULL, space, &rest);
	if (!word)
		return config_fail(reader->error, place, "'nameserver' needs an address");
	if (net_address_parse(word, &upstream.endpoint.address) != 0)
		return config_fail(reader->error, place, CONFIG_WORD " is not an IP address", word);
	return upstreams_add(reader, place, word, &upstream, forward);
}

static int upstreams_read_text(struct config_reader *reader, const char *path, char *text,
	size_t length, struct config_forward *forward)
{
	struct config_place place = {.file = path};
	char *end = text + length;
	int err = 0;

	while (!err && text < end) {
		char *line = text;

		place.line++;
		text = memchr(text, '\n', (size_t)(end - text));
		text = text ? text : end; // where the zero behind the text is
		*text++ = '\0';
		err = upstreams_read_file_line(reader, place, line, forward);
	}
	return err;
}

static int upstreams_read_file(struct config_reader *reader, const struct config_token *to,
	const char *path, struct config_forward *forward)
{
	struct config_arena arena = {0};
	const char *text;
	char *copy;
	size_t length;
	int err;

	if (reader->upstream_file_count++ == CONFIG_UPSTREAM_FILES)
		return config_fail(reader->error, to->place, CONFIG_WORD " is beyond %d files",
			to->text, CONFIG_UPSTREAM_FILES);
	err = config_read_whole_file(&arena, path, &text, &length);
	if (err) {
		err = config_fail(
			reader->error, to->place, CONFIG_WORD ": %s", to->text, strerror(-err));
		goto out;
	}
	if (config_files_add(
		    reader->files, CONFIG_FILE_UPSTREAMS, path, config_sum_bytes(text, length))) {
		err = config_fail_memory(reader->error, to->place);
		goto out;
	}
	copy = config_arena_copy_text(&arena, text, length);
	if (!copy)
		err = config_fail_memory(reader->error, to->place);
	else
		err = upstreams_read_text(reader, path, copy, length, forward);
out:
	config_arena_free(&arena);
	return err;
}

// Letters, digits, '-' and '_' between dots, the last label not a number: the name of a host
// (RFC 1123, section 2.1), perhaps with a port.
static bool upstreams_is_host_name(const char *text)
{
	size_t length = strcspn(text, ":");
	size_t letters = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.");
	const char *label;

	if (length == 0 || length != letters)
		return false;
	label = memrchr(text, '.', text[length - 1] == '.' ? length - 1 : length);
	label = label ? label + 1 : text;
	return strspn(label, "0123456789.") < (size_t)(text + length - label);
}

// A word that is no address.
static int upstreams_read_other(struct config_reader *reader, const struct config_token *to,
	const char *text, struct config_upstream *upstream, struct config_forward *forward)
{
	const char *path = config_path_beside(reader->arena, to->place.file, text);

	if (!path)
		return config_fail_memory(reader->error, to->place);
	if (!upstream->is_tls &&
		(strchr(text, '/') || config_files_has_upstreams(reader->files, path)))
		return upstreams_read_file(reader, to, path, forward);
	if (upstreams_is_host_name(text))
		return config_add_host(reader, to, text, upstream, forward);
	if (upstream->is_tls)
		return config_fail(reader->error, to->place,
			CONFIG_WORD " has no IP address and no host name behind %s", to->text,
			upstream->is_https ? "https://" : "tls://");
	return config_fail(reader->error, to->place,
		CONFIG_WORD " is not an IP address, a file or a host name", to->text);
}

// What stands behind the scheme, or NULL with the error filled in.
static const char *upstreams_skip_scheme(struct config_reader *reader,
	const struct config_token *to, struct config_upstream *upstream)
{
	const char *behind = strstr(to->text, "://");
	size_t length = behind ? (size_t)(behind - to->text) : 0;

	upstream->is_https = length == 5 && memcmp(to->text, "https", 5) == 0;
	upstream->is_tls = upstream->is_https || (length == 3 && memcmp(to->text, "tls", 3) == 0);
	if (!behind)
		return to->text;
	if (upstream->is_https && strchr(behind + 3, '/'))
		(void)config_fail(reader->error, to->place,
			CONFIG_WORD " has a path, which is not allowed", to->text);
	else if (upstream->is_tls || (length == 3 && memcmp(to->text, "dns", 3) == 0))
		return behind + 3;
	else
		(void)config_fail(reader->error, to->place,
			CONFIG_WORD " has a scheme other than dns, tls and https", to->text);
	return NULL;
}

// Of IP%NAME, IP%NAME:port, [v6%NAME] and [v6%NAME]:port: writes what is left without %NAME into
// `address`, and the name into `upstream`.
static int upstreams_cut_server_name(struct config_reader *reader, const struct config_token *to,
	const char *text, char address[CONFIG_WORD_BYTES + 1], struct config_upstream *upstream)
{
	const char *percent = strchr(text, '%');
	char name[CONFIG_WORD_BYTES + 1];
	const char *rest;
	size_t length;

	memcpy(address, text, strlen(text) + 1);
	if (!percent)
		return 0;
	rest = percent + 1 + strcspn(percent + 1, "]:");
	length = (size_t)(rest - percent - 1);
	memcpy(name, percent + 1, length);
	name[length] = '\0';
	memcpy(address + (percent - text), rest, strlen(rest) + 1);
	upstream->server_name = config_read_server_name(reader, to->place, name);
	return upstream->server_name ? 0 : -EINVAL;
}

static uint16_t upstreams_port(const struct config_upstream *upstream)
{
	if (upstream->is_https)
		return UPSTREAM_HTTPS_PORT;
	return upstream->is_tls ? UPSTREAM_TLS_PORT : UPSTREAM_PORT;
}

int config_add_upstreams(
	struct config_reader *reader, const struct config_token *to, struct config_forward *forward)
{
	struct config_upstream upstream = {.weight = 1};
	const char *text = upstreams_skip_scheme(reader, to, &upstream);
	char address[CONFIG_WORD_BYTES + 1];
	int err;

	if (!text)
		return -EINVAL;
	if (!*text)
		return config_fail(
			reader->error, to->place, CONFIG_WORD " names no upstream", to->text);
	if (upstream.is_tls) {
		err = upstreams_cut_server_name(reader, to, text, address, &upstream);
		if (err)
			return err;
		text = address;
	}
	err = config_parse_endpoint(text, upstreams_port(&upstream), &upstream.endpoint);
	if (err == -ERANGE)
		return config_fail(reader->error, to->place,
			CONFIG_WORD " has no port from 1 to 65535", to->text);
	if (err) {
		upstream.endpoint.port = upstreams_port(&upstream);
		return upstreams_read_other(reader, to, text, &upstream, forward);
	}
	return upstreams_add(reader, to->place, to->text, &upstream, forward);
}
