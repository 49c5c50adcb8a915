// SPDX-License-Identifier: BSD-3-Clause
#include "nic/driver_file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cfgfile.h>

#define DRIVER_FILE_SUFFIX ".ini"
#define DRIVER_NAME_ANY "*"
#define RING_MOST 32768

struct word {
	const char *text;
	unsigned int value;
};

static const struct word steering_words[] = {
	{"rte_flow", NIC_STEERING_RTE_FLOW},
	{"thash", NIC_STEERING_THASH},
	{"hop", NIC_STEERING_HOP},
	{NULL, 0},
};

static const struct word path_words[] = {
	{"none", NIC_KERNEL_PATH_NONE},
	{"bifurcated", NIC_KERNEL_PATH_BIFURCATED},
	{"tap", NIC_KERNEL_PATH_TAP},
	{NULL, 0},
};

static const struct word filter_words[] = {
	{"none", NIC_FILTER_NONE},
	{"xdp", NIC_FILTER_XDP},
	{"tc", NIC_FILTER_TC},
	{"flow", NIC_FILTER_FLOW},
	{NULL, 0},
};

static const struct word rx_words[] = {
	{"none", 0},
	{"ipv4_checksum", NIC_DRIVER_RX_IPV4_CHECKSUM},
	{"udp_checksum", NIC_DRIVER_RX_UDP_CHECKSUM},
	{NULL, 0},
};

static const struct word tx_words[] = {
	{"none", 0},
	{"ipv4_checksum", NIC_DRIVER_TX_IPV4_CHECKSUM},
	{"udp_checksum", NIC_DRIVER_TX_UDP_CHECKSUM},
	{NULL, 0},
};

static const struct word bind_words[] = {
	{"none", 0},
	{"vfio-pci", 1},
	{NULL, 0},
};

// Splits at blanks, in place. The count, or -1 when there are more than `most`.
static int value_split(char *value, char **words, int most)
{
	int count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(value, " \t", &rest); word;
		word = strtok_r(NULL, " \t", &rest)) {
		if (count == most)
			return -1;
		words[count++] = word;
	}
	return count;
}

static int word_find(const struct word *words, const char *text, unsigned int *value)
{
	for (; words->text; words++) {
		if (strcmp(words->text, text) == 0) {
			*value = words->value;
			return 0;
		}
	}
	return -EINVAL;
}

static int number_read(const char *text, unsigned long least, unsigned long most, uint16_t *value)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || number < least || number > most)
		return -EINVAL;
	*value = (uint16_t)number;
	return 0;
}

static int names_read(struct nic_driver_file *driver, char *value)
{
	char *words[NIC_DRIVER_NAMES_MOST];
	int count = value_split(value, words, NIC_DRIVER_NAMES_MOST);

	if (count < 1)
		return -EINVAL;
	for (int i = 0; i < count; i++) {
		if (strlen(words[i]) >= NIC_NAME_TEXT)
			return -EINVAL;
		snprintf(driver->names[i], NIC_NAME_TEXT, "%s", words[i]);
	}
	driver->name_count = (unsigned int)count;
	return 0;
}

static int device_arguments_read(struct nic_driver_file *driver, char *value)
{
	if (strlen(value) >= sizeof(driver->device_arguments))
		return -EINVAL;
	snprintf(driver->device_arguments, sizeof(driver->device_arguments), "%s", value);
	return 0;
}

// For scripts/nic-bind; here only checked to be there.
static int kernel_drivers_read(struct nic_driver_file *driver, char *value)
{
	(void)driver;
	return value[0] ? 0 : -EINVAL;
}

static int bind_read(struct nic_driver_file *driver, char *value)
{
	unsigned int ignored;

	(void)driver;
	return word_find(bind_words, value, &ignored);
}

static int queues_read(struct nic_driver_file *driver, char *value)
{
	return number_read(value, 0, UINT16_MAX, &driver->queues_most);
}

static int rx_ring_read(struct nic_driver_file *driver, char *value)
{
	return number_read(value, 1, RING_MOST, &driver->rx_ring);
}

static int tx_ring_read(struct nic_driver_file *driver, char *value)
{
	return number_read(value, 1, RING_MOST, &driver->tx_ring);
}

static int offloads_read(struct nic_driver_file *driver, const struct word *known, char *value)
{
	char *words[4];
	int count = value_split(value, words, 4);
	unsigned int bit;

	if (count < 1)
		return -EINVAL;
	for (int i = 0; i < count; i++) {
		// "none" stands alone.
		if (word_find(known, words[i], &bit) || (bit == 0 && count > 1))
			return -EINVAL;
		driver->offloads |= (uint16_t)bit;
	}
	return 0;
}

static int rx_offloads_read(struct nic_driver_file *driver, char *value)
{
	return offloads_read(driver, rx_words, value);
}

static int tx_offloads_read(struct nic_driver_file *driver, char *value)
{
	return offloads_read(driver, tx_words, value);
}

static int steering_read(struct nic_driver_file *driver, char *value)
{
	char *words[NIC_STEERING_MOST];
	int count = value_split(value, words, NIC_STEERING_MOST);
	unsigned int way;

	if (count < 1)
		return -EINVAL;
	for (int i = 0; i < count; i++) {
		if (word_find(steering_words, words[i], &way))
			return -EINVAL;
		driver->steering[i] = (enum nic_steering)way;
	}
	driver->steering_count = (uint16_t)count;
	return 0;
}

// 40 bytes or more, as hexadecimal digits.
static int rss_key_read(struct nic_driver_file *driver, char *value)
{
	size_t length = strlen(value) / 2;

	if (strlen(value) % 2 || length < 40 || length > sizeof(driver->rss_key) ||
		strspn(value, "0123456789abcdefABCDEF") != 2 * length)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		char byte[3] = {value[2 * i], value[2 * i + 1], '\0'};

		driver->rss_key[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	driver->has_rss_key = true;
	return 0;
}

static int path_read(struct nic_driver_file *driver, char *value)
{
	unsigned int path;
	int status = word_find(path_words, value, &path);

	if (status == 0)
		driver->kernel_path = (enum nic_kernel_path)path;
	return status;
}

static int filter_read(struct nic_driver_file *driver, char *value)
{
	unsigned int filter;
	int status = word_find(filter_words, value, &filter);

	if (status == 0)
		driver->filter = (enum nic_filter_kind)filter;
	return status;
}

struct key {
	const char *section;
	const char *name;
	int (*read)(struct nic_driver_file *driver, char *value); // may change value
	bool is_optional;
};

static const struct key keys[] = {
	{"driver", "names", names_read, false},
	{"driver", "device_arguments", device_arguments_read, true},
	{"bind", "kernel_drivers", kernel_drivers_read, true},
	{"bind", "to", bind_read, false},
	{"queues", "most", queues_read, false},
	{"queues", "rx_ring", rx_ring_read, false},
	{"queues", "tx_ring", tx_ring_read, false},
	{"offloads", "rx", rx_offloads_read, false},
	{"offloads", "tx", tx_offloads_read, false},
	{"steering", "preference", steering_read, false},
	{"steering", "rss_key", rss_key_read, true},
	{"kernel", "path", path_read, false},
	{"kernel", "filter", filter_read, false},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

// The line of the file that sets `key`, or opens the section when `key` is
// NULL: cfgfile does not keep lines. 0 when it can not be told.
static unsigned int line_find(const char *path, const char *section, const char *key)
{
	char line[CFG_NAME_LEN + CFG_VALUE_LEN + 4], word[CFG_NAME_LEN];
	unsigned int number = 0, found = 0;
	bool is_inside = false;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	while (!found && fgets(line, sizeof(line), file)) {
		number++;
		if (sscanf(line, " [ %63[^] \t]", word) == 1) {
			is_inside = strcmp(word, section) == 0;
			found = is_inside && !key ? number : 0;
		} else if (is_inside && key && sscanf(line, " %63[^= \t]", word) == 1) {
			found = strcmp(word, key) == 0 ? number : 0;
		}
	}
	fclose(file);
	return found;
}

static const struct key *key_find(const char *section, const char *name, size_t *index)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
			*index = i;
			return &keys[i];
		}
	}
	return NULL;
}

static bool section_is_known(const char *section)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(keys[i].section, section) == 0)
			return true;
	}
	return false;
}

// One entry of one section. `seen` has a bit a key.
static int entry_apply(const char *path, const char *section, struct rte_cfgfile_entry *entry,
	struct nic_driver_file *driver, unsigned int *seen, struct nic_error *error)
{
	size_t index;
	char value[CFG_VALUE_LEN];
	const struct key *key = key_find(section, entry->name, &index);

	if (!key) {
		nic_error_set(error, "%s:%u: unknown key \"%s\" in section \"%s\"", path,
			line_find(path, section, entry->name), entry->name, section);
		return -EINVAL;
	}
	if (*seen & 1u << index) {
		nic_error_set(error, "%s:%u: key \"%s\" stands twice in section \"%s\"", path,
			line_find(path, section, entry->name), entry->name, section);
		return -EINVAL;
	}
	*seen |= 1u << index;
	snprintf(value, sizeof(value), "%s", entry->value);
	if (key->read(driver, value)) {
		nic_error_set(error, "%s:%u: bad value \"%s\" of \"%s\" in section \"%s\"", path,
			line_find(path, section, entry->name), entry->value, entry->name, section);
		return -EINVAL;
	}
	return 0;
}

static int section_apply(struct rte_cfgfile *file, const char *path, int index,
	struct nic_driver_file *driver, unsigned int *seen, struct nic_error *error)
{
	char section[CFG_NAME_LEN] = "";
	struct rte_cfgfile_entry *entries;
	int count = rte_cfgfile_section_num_entries_by_index(file, section, index);
	int status = 0;

	if (count < 0 || !section_is_known(section)) {
		nic_error_set(error, "%s:%u: unknown section \"%s\"", path,
			line_find(path, section, NULL), section);
		return -EINVAL;
	}
	entries = calloc((size_t)count + 1, sizeof(*entries));
	if (!entries) {
		nic_error_set(error, "%s: %s", path, strerror(ENOMEM));
		return -ENOMEM;
	}
	count = rte_cfgfile_section_entries_by_index(file, index, section, entries, count);
	for (int i = 0; i < count && status == 0; i++)
		status = entry_apply(path, section, &entries[i], driver, seen, error);
	free(entries);
	return status;
}

static int keys_check_complete(const char *path, unsigned int seen, struct nic_error *error)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (!keys[i].is_optional && !(seen & 1u << i)) {
			nic_error_set(error, "%s: key \"%s\" is missing in section \"%s\"", path,
				keys[i].name, keys[i].section);
			return -EINVAL;
		}
	}
	return 0;
}

// cfgfile skips a line that is neither comment, section nor key; we do not. What cfgfile itself
// refuses, it tells only to DPDK's log, so those rules are here too.
static int lines_check(const char *path, struct nic_error *error)
{
	char line[CFG_NAME_LEN + CFG_VALUE_LEN + 4];
	const char *wrong = NULL;
	unsigned int number = 0;
	bool has_section = false;
	FILE *file = fopen(path, "re");
	int status;

	if (!file) {
		status = -errno;
		nic_error_set(error, "%s: %s", path, strerror(-status));
		return status;
	}
	while (!wrong && fgets(line, sizeof(line), file)) {
		const char *text = line + strspn(line, " \t");
		size_t length = strcspn(text, "#\n");

		number++;
		if (strlen(line) == sizeof(line) - 1)
			wrong = "the line is too long";
		else if (strspn(text, " \t\r") >= length)
			continue;
		else if (text[0] == '[' && !memchr(text, ']', length))
			wrong = "no ] behind the section's name";
		else if (text[0] == '[')
			has_section = true;
		else if (!has_section)
			wrong = "a key before the first section";
		else if (!memchr(text, '=', length))
			wrong = "neither a section nor a key with its value";
		else if (strspn(strchr(text, '=') + 1, " \t\r#\n") == strlen(strchr(text, '=') + 1))
			wrong = "a key without a value";
	}
	status = wrong ? -EINVAL : 0;
	if (wrong)
		nic_error_set(error, "%s:%u: %s", path, number, wrong);
	fclose(file);
	return status;
}

int nic_driver_file_read(const char *path, struct nic_driver_file *driver, struct nic_error *error)
{
	const struct rte_cfgfile_parameters parameters = {.comment_character = '#'};
	struct rte_cfgfile *file;
	unsigned int seen = 0;
	int sections;
	int status = lines_check(path, error);

	if (status)
		return status;
	file = rte_cfgfile_load_with_params(path, 0, &parameters);
	if (!file) {
		nic_error_set(error, "%s: not in the form of an INI file", path);
		return -EINVAL;
	}
	*driver = (struct nic_driver_file){0};
	sections = rte_cfgfile_num_sections(file, NULL, 0);
	for (int i = 0; i < sections && status == 0; i++)
		status = section_apply(file, path, i, driver, &seen, error);
	if (status == 0)
		status = keys_check_complete(path, seen, error);
	rte_cfgfile_close(file);
	return status;
}

static bool driver_has_name(const struct nic_driver_file *driver, const char *name)
{
	for (unsigned int i = 0; i < driver->name_count; i++) {
		if (strcmp(driver->names[i], name) == 0)
			return true;
	}
	return false;
}

static int entry_is_driver_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), suffix = strlen(DRIVER_FILE_SUFFIX);

	return length > suffix && strcmp(entry->d_name + length - suffix, DRIVER_FILE_SUFFIX) == 0;
}

int nic_driver_file_find(const char *folder, const char *driver_name,
	struct nic_driver_file *driver, struct nic_error *error)
{
	struct nic_driver_file candidate;
	struct dirent **entries = NULL;
	char path[PATH_MAX];
	bool has_exact = false, has_any = false;
	int status = 0;
	int count = scandir(folder, &entries, entry_is_driver_file, alphasort);

	if (count < 0) {
		status = -errno;
		nic_error_set(error, "%s: %s", folder, strerror(-status));
		return status;
	}
	for (int i = 0; i < count && status == 0 && !has_exact; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		status = nic_driver_file_read(path, &candidate, error);
		if (status)
			break;
		has_exact = driver_has_name(&candidate, driver_name);
		if (has_exact || (!has_any && driver_has_name(&candidate, DRIVER_NAME_ANY))) {
			*driver = candidate;
			has_any = true;
		}
	}
	if (status == 0 && !has_any) {
		nic_error_set(error, "%s: no file names the driver %s", folder, driver_name);
		status = -ENOENT;
	}
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	return status;
}
