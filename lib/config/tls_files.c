// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "config/import.h"
#include "config/reader.h"

#define SERVER_NAME_MOST 253 // bytes: of a name without the dot at its end
#define SERVER_NAME_LABEL_MOST 63

// That a file can be read is known only once a byte was: a folder can be opened, too.
static int file_try_to_read(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got;
	int err = 0;
	char byte;

	if (file < 0)
		return -errno;
	got = read(file, &byte, 1);
	if (got < 0)
		err = -errno;
	else if (got == 0)
		err = -ENODATA;
	(void)close(file);
	return err;
}

static int tls_read_path(struct config_reader *reader, const struct config_line *line, size_t index,
	const char **path)
{
	const struct config_token *word = &line->words[index];
	int err;

	*path = config_path_beside(reader->arena, word->place.file, word->text);
	if (!*path)
		return config_fail_memory(reader->error, word->place);
	err = file_try_to_read(*path);
	if (err == -ENODATA)
		return config_fail_word(reader, line, index, "is empty");
	if (err)
		return config_fail(reader->error, word->place, "%s " CONFIG_WORD ": %s",
			line->words[0].text, word->text, strerror(-err));
	if (config_files_add(
		    reader->files, CONFIG_FILE_TLS, *path, config_file_sum(CONFIG_FILE_TLS, *path)))
		return config_fail_memory(reader->error, word->place);
	return 0;
}

int config_read_tls_files(struct config_reader *reader, const struct config_line *line,
	struct config_tls_files *files)
{
	int err = 0;

	*files = (struct config_tls_files){0};
	if (line->count >= 3)
		err = tls_read_path(reader, line, 1, &files->certificate);
	if (!err && line->count >= 3)
		err = tls_read_path(reader, line, 2, &files->key);
	if (!err && line->count % 2 == 0)
		err = tls_read_path(reader, line, line->count - 1, &files->ca);
	return err;
}

// Letters, digits, '-' and '_' in labels between dots (RFC 1123, section 2.1), the last one not a
// number: SNI takes no addresses (RFC 6066, section 3).
static bool server_name_is_good(const char *name, size_t length)
{
	size_t label = 0;
	bool is_number = true;

	if (length == 0 || length > SERVER_NAME_MOST)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
			is_number = true;
			continue;
		}
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", name[i]) ||
			++label > SERVER_NAME_LABEL_MOST)
			return false;
		is_number = is_number && name[i] >= '0' && name[i] <= '9';
	}
	return label > 0 && !is_number;
}

const char *config_read_server_name(
	struct config_reader *reader, struct config_place place, const char *text)
{
	size_t length = strlen(text);
	char *name;

	if (length && text[length - 1] == '.')
		length--;
	name = config_arena_copy_text(reader->arena, text, length);
	if (!name) {
		(void)config_fail_memory(reader->error, place);
		return NULL;
	}
	for (char *at = name; *at; at++) {
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at | 0x20);
	}
	if (!server_name_is_good(name, length)) {
		(void)config_fail(
			reader->error, place, CONFIG_WORD " is not the name of a host", text);
		return NULL;
	}
	return name;
}
