// SPDX-License-Identifier: BSD-3-Clause
#include "config/values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"

#define DURATION_LIMIT (UINT64_C(1) << 63) // the size of the largest negative one

struct duration_unit {
	const char *name;
	uint64_t nanoseconds;
};

static const struct duration_unit duration_units[] = {
	{"ns", 1},
	{"us", CLOCK_MICROSECOND},
	{"\u00b5s", CLOCK_MICROSECOND}, // the micro sign
	{"\u03bcs", CLOCK_MICROSECOND}, // the Greek letter
	{"ms", CLOCK_MILLISECOND},
	{"s", CLOCK_SECOND},
	{"m", 60 * CLOCK_SECOND},
	{"h", 3600 * CLOCK_SECOND},
};

static bool duration_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int duration_read_whole(const char **text, uint64_t *value)
{
	*value = 0;
	for (; duration_is_digit(**text); ++*text) {
		if (*value > DURATION_LIMIT / 10)
			return -ERANGE;
		*value = *value * 10 + (uint64_t)(**text - '0');
		if (*value > DURATION_LIMIT)
			return -ERANGE;
	}
	return 0;
}

// Digits behind the point, as value / scale; those too many to count are passed over.
static void duration_read_fraction(const char **text, uint64_t *value, double *scale)
{
	bool full = false;

	*value = 0;
	*scale = 1;
	for (; duration_is_digit(**text); ++*text) {
		uint64_t next = *value * 10 + (uint64_t)(**text - '0');

		full = full || *value > (DURATION_LIMIT - 1) / 10 || next > DURATION_LIMIT;
		if (full)
			continue;
		*value = next;
		*scale *= 10;
	}
}

static int duration_read_unit(const char **text, uint64_t *unit)
{
	size_t length = strcspn(*text, ".0123456789");

	if (length == 0)
		return -EDOM;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(duration_units); i++) {
		const char *name = duration_units[i].name;

		if (strlen(name) == length && memcmp(*text, name, length) == 0) {
			*unit = duration_units[i].nanoseconds;
			*text += length;
			return 0;
		}
	}
	return -EINVAL;
}

// One number with its unit.
static int duration_read_part(const char **text, uint64_t *nanoseconds)
{
	const char *start = *text;
	uint64_t whole;
	uint64_t fraction = 0;
	uint64_t unit;
	double scale = 1;
	size_t digits;
	int err = duration_read_whole(text, &whole);

	if (err)
		return err;
	digits = (size_t)(*text - start);
	if (**text == '.') {
		start = ++*text;
		duration_read_fraction(text, &fraction, &scale);
		digits += (size_t)(*text - start);
	}
	if (digits == 0)
		return -EINVAL;
	err = duration_read_unit(text, &unit);
	if (err)
		return err;
	if (whole > DURATION_LIMIT / unit)
		return -ERANGE;
	// Both terms are at most 2^63, so that the sum fits.
	*nanoseconds = whole * unit + (uint64_t)((double)fraction * ((double)unit / scale));
	return *nanoseconds > DURATION_LIMIT ? -ERANGE : 0;
}

int config_parse_duration(const char *text, int64_t *nanoseconds)
{
	bool negative = *text == '-';
	uint64_t total = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (!*text)
		return -EINVAL;
	if (strcmp(text, "0") == 0) {
		*nanoseconds = 0;
		return 0;
	}
	while (*text) {
		uint64_t part;
		int err = duration_read_part(&text, &part);

		if (err)
			return err;
		total += part;
		if (total > DURATION_LIMIT)
			return -ERANGE;
	}
	if (!negative && total == DURATION_LIMIT)
		return -ERANGE;
	*nanoseconds = (int64_t)(negative ? 0 - total : total);
	return 0;
}

// value / unit with as many digits behind the point as it needs.
static void duration_format_decimal(
	uint64_t value, uint64_t unit, const char *name, char *text, size_t room)
{
	uint64_t fraction = value % unit;
	int length = snprintf(text, room, "%" PRIu64, value / unit);
	size_t at = (size_t)length;

	if (fraction && at + 1 < room)
		text[at++] = '.';
	for (; fraction && at + 1 < room; fraction %= unit) {
		unit /= 10;
		text[at++] = (char)('0' + fraction / unit);
	}
	snprintf(text + at, room - at, "%s", name);
}

const char *config_format_duration(uint64_t nanoseconds, char text[CONFIG_DURATION_TEXT])
{
	uint64_t minutes = nanoseconds / (60 * CLOCK_SECOND);
	int length = 0;

	if (nanoseconds == 0)
		snprintf(text, CONFIG_DURATION_TEXT, "0s");
	else if (nanoseconds < CLOCK_MICROSECOND)
		snprintf(text, CONFIG_DURATION_TEXT, "%" PRIu64 "ns", nanoseconds);
	else if (nanoseconds < CLOCK_MILLISECOND)
		duration_format_decimal(
			nanoseconds, CLOCK_MICROSECOND, "\u00b5s", text, CONFIG_DURATION_TEXT);
	else if (nanoseconds < CLOCK_SECOND)
		duration_format_decimal(
			nanoseconds, CLOCK_MILLISECOND, "ms", text, CONFIG_DURATION_TEXT);
	if (nanoseconds < CLOCK_SECOND)
		return text;
	if (minutes >= 60)
		length = snprintf(text, CONFIG_DURATION_TEXT, "%" PRIu64 "h%" PRIu64 "m",
			minutes / 60, minutes % 60);
	else if (minutes)
		length = snprintf(text, CONFIG_DURATION_TEXT, "%" PRIu64 "m", minutes);
	duration_format_decimal(nanoseconds % (60 * CLOCK_SECOND), CLOCK_SECOND, "s", text + length,
		CONFIG_DURATION_TEXT - (size_t)length);
	return text;
}
