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
#include "cache_transfer.h"

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
	struct cache_transfer transfer; // of it
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
		memcpy(text, "root.", sizeof("root."));
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

void cache_files_follow(
	struct cache_files *files, const struct config *config, struct forward_caches *caches)
{
	files->config = config;
	files->caches = caches;
}

void cache_files_destroy(struct cache_files *files)
{
	if (!files)
		return;
	if (files->transfer.dump)
		log_warning("cache: %s: not saved, there was no time for all of it",
			files->transfer.path);
	cache_transfer_stop(&files->transfer);
	free(files);
}

void cache_files_save(struct cache_files *files)
{
	cache_transfer_stop(&files->transfer);
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
	if ((size_t)snprintf(files->transfer.path, sizeof(files->transfer.path), "%s/%s",
		    files->folder, name) < sizeof(files->transfer.path))
		return 0;
	log_error("cache: %s/%s: %s", files->folder, name, strerror(ENAMETOOLONG));
	return -ENAMETOOLONG;
}

static void refuse_file(const struct cache_transfer *transfer)
{
	char broken[PATH_MAX + sizeof(".broken")];

	(void)snprintf(broken, sizeof(broken), "%s.broken", transfer->path);
	if (rename(transfer->path, broken))
		log_warning("cache: %s; nothing is loaded from it", transfer->error.text);
	else
		log_warning("cache: %s; nothing is loaded from it, it is now %s",
			transfer->error.text, broken);
}

// The next three: true when this cache is done.
static bool open_load(struct cache_files *files, uint64_t now, uint64_t wall)
{
	int error = cache_transfer_load(&files->transfer, store_at_hand(files), now, wall);

	if (error == -ENOENT)
		log_info("cache: %s: nothing was saved yet", files->transfer.path);
	else if (error == -EBADMSG)
		refuse_file(&files->transfer);
	else if (error)
		log_warning("cache: %s; nothing is loaded from it", files->transfer.error.text);
	return error;
}

static bool open_dump(struct cache_files *files, uint64_t now, uint64_t wall)
{
	if (files->cache >= files->loaded) {
		log_info("cache: %s: left as it is, since it was not read to its end",
			files->transfer.path);
		return true;
	}
	if (!cache_transfer_dump(&files->transfer, store_at_hand(files), now, wall))
		return false;
	log_error("cache: not saved: %s", files->transfer.error.text);
	return true;
}

static bool do_piece(struct cache_files *files, uint64_t now, uint64_t wall)
{
	bool is_load = files->phase == CACHE_FILES_LOAD;
	enum cache_file_progress progress;

	if (!cache_transfer_is_active(&files->transfer) &&
		files->caches->caches[files->cache].is_gone)
		return true;
	if (!cache_transfer_is_active(&files->transfer))
		return set_path(files) ||
		       (is_load ? open_load(files, now, wall) : open_dump(files, now, wall));
	progress = cache_transfer_step(&files->transfer, now);
	if (progress == CACHE_FILE_FAILED && is_load)
		refuse_file(&files->transfer);
	else if (progress == CACHE_FILE_FAILED)
		log_error("cache: not saved: %s", files->transfer.error.text);
	return progress != CACHE_FILE_MORE;
}

bool cache_files_turn(struct cache_files *files, uint64_t now, uint64_t wall)
{
	if (files->phase == CACHE_FILES_REST)
		return false;
	if (do_piece(files, now, wall)) {
		files->cache++;
		if (files->phase == CACHE_FILES_LOAD)
			files->loaded = files->cache;
	}
	if (files->cache == files->caches->count)
		files->phase = CACHE_FILES_REST;
	return files->phase != CACHE_FILES_REST;
}
