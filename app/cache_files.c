// SPDX-License-Identifier: BSD-3-Clause
#include "cache_files.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cache/answer_record.h"
#include "cache/store_file.h"

// About a millisecond of each: what is loaded is checked as hostile input.
#define LOADED_A_TURN 256u
#define SAVED_A_TURN 1024u

#define ZONE_BYTES_MOST 64 // of a zone's text in a file's name

enum cache_files_phase {
	CACHE_FILES_LOAD,
	CACHE_FILES_SAVE,
	CACHE_FILES_REST,
};

struct cache_files {
	const char *folder;
	const struct config *config;
	struct forward_caches *caches;
	enum cache_files_phase phase;
	uint16_t loaded; // caches whose files need no more reading
	uint16_t cache; // the number at hand
	struct cache_load *load; // of it
	struct cache_dump *dump;
	uint64_t began;
	char path[PATH_MAX];
};

// FNV-1a: a name that is the same after every start, no more.
static uint64_t hash_more(uint64_t hash, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_server(uint64_t hash, const struct config_server *server)
{
	uint8_t port[2];

	bytes_store_u16(port, server->port);
	hash = hash_more(hash, server->zone.wire, server->zone.length);
	hash = hash_more(hash, port, sizeof(port));
	for (size_t i = 0; i < server->bind_count; i++)
		hash = hash_more(hash, server->bind[i].bytes, sizeof(server->bind[i].bytes));
	return hash;
}

// What is no letter, digit, dash or dot might mean something in a path.
static void write_zone(char text[ZONE_BYTES_MOST], const struct dns_name *zone)
{
	char whole[DNS_NAME_TEXT];
	size_t length;

	if (zone->label_count == 0) {
		strcpy(text, "root.");
		return;
	}
	dns_name_format(zone, whole);
	length = strnlen(whole, ZONE_BYTES_MOST - 1);
	for (size_t i = 0; i < length; i++) {
		bool is_plain = (whole[i] >= 'a' && whole[i] <= 'z') ||
				(whole[i] >= '0' && whole[i] <= '9') || whole[i] == '-' ||
				(whole[i] == '.' && i > 0);

		text[i] = is_plain ? whole[i] : '_';
	}
	text[length] = '\0';
}

void cache_file_name(char name[CACHE_FILE_NAME_BYTES], const struct config *config,
	const struct config_cache *cache)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	const struct config_server *first = NULL;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	char zone[ZONE_BYTES_MOST];

	for (size_t i = 0; i < count; i++) {
		if (servers[i].cache != cache)
			continue;
		if (!first)
			first = &servers[i];
		hash = hash_server(hash, &servers[i]);
	}
	if (!first) {
		name[0] = '\0';
		return;
	}
	write_zone(zone, &first->zone);
	(void)snprintf(
		name, CACHE_FILE_NAME_BYTES, "%s-%u-%016" PRIx64 ".cache", zone, first->port, hash);
}

struct cache_files *cache_files_create(
	const char *folder, const struct config *config, struct forward_caches *caches)
{
	struct cache_files *files;
	struct stat status;

	if (stat(folder, &status))
		return NULL;
	if (!S_ISDIR(status.st_mode)) {
		errno = ENOTDIR;
		return NULL;
	}
	if (access(folder, R_OK | W_OK | X_OK))
		return NULL;
	files = calloc(1, sizeof(*files));
	if (!files)
		return NULL;
	files->folder = folder;
	files->config = config;
	files->caches = caches;
	return files;
}

void cache_files_destroy(struct cache_files *files)
{
	if (!files)
		return;
	if (files->dump)
		log_warning("cache: %s: not saved, there was no time for all of it", files->path);
	cache_dump_close(files->dump);
	cache_load_close(files->load);
	free(files);
}

void cache_files_save(struct cache_files *files)
{
	cache_load_close(files->load);
	files->load = NULL;
	files->phase = CACHE_FILES_SAVE;
	files->cache = 0;
}

uint32_t cache_files_unsaved(const struct cache_files *files)
{
	return files->phase == CACHE_FILES_SAVE ? (uint32_t)files->caches->count - files->cache : 0;
}

static struct cache_store *store_at_hand(const struct cache_files *files)
{
	return files->caches->caches[files->cache].store;
}

// -ENAMETOOLONG with one line said.
static int set_path(struct cache_files *files)
{
	char name[CACHE_FILE_NAME_BYTES];

	cache_file_name(name, files->config, files->caches->caches[files->cache].rules);
	if ((size_t)snprintf(files->path, sizeof(files->path), "%s/%s", files->folder, name) <
		sizeof(files->path))
		return 0;
	log_error("cache: %s/%s: %s", files->folder, name, strerror(ENAMETOOLONG));
	return -ENAMETOOLONG;
}

static double seconds_since(uint64_t began, uint64_t now)
{
	return (double)(now - began) / (double)CLOCK_SECOND;
}

static void refuse_file(const struct cache_files *files, const struct cache_file_error *error)
{
	char broken[PATH_MAX + sizeof(".broken")];

	(void)snprintf(broken, sizeof(broken), "%s.broken", files->path);
	if (rename(files->path, broken))
		log_warning("cache: %s; nothing is loaded from it", error->text);
	else
		log_warning(
			"cache: %s; nothing is loaded from it, it is now %s", error->text, broken);
}

// The next four: true when this cache is done.
static bool open_load(struct cache_files *files, uint64_t now, uint64_t wall)
{
	struct cache_file_error error;

	if (set_path(files))
		return true;
	files->began = now;
	files->load = cache_load_open(store_at_hand(files), files->path, CACHE_ANSWER_VERSION,
		cache_answer_record_is_good, wall, &error);
	if (files->load)
		return false;
	if (errno == ENOENT)
		log_info("cache: %s: nothing was saved yet", files->path);
	else if (errno == EBADMSG)
		refuse_file(files, &error);
	else
		log_warning("cache: %s; nothing is loaded from it", error.text);
	return true;
}

static bool load_piece(struct cache_files *files, uint64_t now, uint64_t wall)
{
	struct cache_file_error error;

	if (!files->load)
		return open_load(files, now, wall);
	switch (cache_load_step(files->load, LOADED_A_TURN, now, &error)) {
	case CACHE_FILE_MORE:
		return false;
	case CACHE_FILE_DONE:
		log_info("cache: %s: %" PRIu64 " answers loaded in %.3f s", files->path,
			cache_load_count(files->load), seconds_since(files->began, now));
		break;
	case CACHE_FILE_FAILED:
		refuse_file(files, &error);
		break;
	}
	cache_load_close(files->load);
	files->load = NULL;
	return true;
}

static bool open_dump(struct cache_files *files, uint64_t now, uint64_t wall)
{
	struct cache_file_error error;

	if (set_path(files))
		return true;
	if (files->cache >= files->loaded) {
		log_info("cache: %s: left as it is, since it was not read to its end", files->path);
		return true;
	}
	files->began = now;
	files->dump = cache_dump_open(
		store_at_hand(files), files->path, CACHE_ANSWER_VERSION, now, wall, &error);
	if (files->dump)
		return false;
	log_error("cache: not saved: %s", error.text);
	return true;
}

static bool save_piece(struct cache_files *files, uint64_t now, uint64_t wall)
{
	struct cache_file_error error;

	if (!files->dump)
		return open_dump(files, now, wall);
	switch (cache_dump_step(files->dump, SAVED_A_TURN, &error)) {
	case CACHE_FILE_MORE:
		return false;
	case CACHE_FILE_DONE:
		log_info("cache: %s: %" PRIu64 " answers saved in %.3f s", files->path,
			cache_dump_count(files->dump), seconds_since(files->began, clock_now()));
		break;
	case CACHE_FILE_FAILED:
		log_error("cache: not saved: %s", error.text);
		break;
	}
	cache_dump_close(files->dump);
	files->dump = NULL;
	return true;
}

bool cache_files_turn(struct cache_files *files, uint64_t now, uint64_t wall)
{
	bool is_cache_done;

	if (files->phase == CACHE_FILES_REST)
		return false;
	is_cache_done = files->phase == CACHE_FILES_LOAD ? load_piece(files, now, wall)
							 : save_piece(files, now, wall);
	if (is_cache_done) {
		files->cache++;
		if (files->phase == CACHE_FILES_LOAD)
			files->loaded = files->cache;
	}
	if (files->cache == files->caches->count)
		files->phase = CACHE_FILES_REST;
	return files->phase != CACHE_FILES_REST;
}
