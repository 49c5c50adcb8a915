// SPDX-License-Identifier: BSD-3-Clause
// Names as text (RFC 1035, section 5.1).
#include "dns/name.h"

#include <errno.h>

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

static bool is_printable(uint8_t byte)
{
	return byte > ' ' && byte < 0x7f;
}

// One byte of a label, escaped or not, with `text` moved behind it. The byte, or -EINVAL.
static int text_take_byte(const char **text)
{
	const char *at = *text;
	int value;

	if (*at != '\\') {
		*text = at + 1;
		return is_printable((uint8_t)*at) ? *at : -EINVAL;
	}
	at++;
	if (!is_digit(*at)) {
		*text = at + 1;
		return *at ? (uint8_t)*at : -EINVAL;
	}
	if (!is_digit(at[1]) || !is_digit(at[2]))
		return -EINVAL;
	value = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
	*text = at + 3;
	return value <= UINT8_MAX ? value : -EINVAL;
}

// One label, with `text` left at the dot or the end behind it.
static int name_append_label(struct dns_name *name, const char **text)
{
	size_t start = name->length;
	size_t length = 0;

	while (**text && **text != '.') {
		int byte = text_take_byte(text);

		// One byte of the name is for the root.
		if (byte < 0 || length == DNS_LABEL_BYTES ||
			start + 1 + length + 1 >= DNS_NAME_BYTES)
			return -EINVAL;
		name->wire[start + 1 + length++] = (uint8_t)byte;
	}
	if (length == 0)
		return -EINVAL;
	name->wire[start] = (uint8_t)length;
	name->length = (uint8_t)(start + 1 + length);
	name->label_count++;
	return 0;
}

int dns_name_parse_text(struct dns_name *name, const char *text)
{
	name->length = 0;
	name->label_count = 0;
	if (text[0] == '.' && text[1] == '\0')
		text++;
	else if (text[0] == '\0')
		return -EINVAL;
	while (*text) {
		int error = name_append_label(name, &text);

		if (error)
			return error;
		if (*text == '.')
			text++;
	}
	name->wire[name->length++] = 0;
	return 0;
}

// What has a meaning of its own in a zone file.
static bool is_special(uint8_t byte)
{
	return byte == '.' || byte == '\\' || byte == '"' || byte == ';' || byte == '(' ||
	       byte == ')' || byte == '@' || byte == '$';
}

static char *text_put_byte(char *text, uint8_t byte)
{
	if (!is_printable(byte)) {
		*text++ = '\\';
		*text++ = (char)('0' + byte / 100);
		*text++ = (char)('0' + byte / 10 % 10);
		*text++ = (char)('0' + byte % 10);
		return text;
	}
	if (is_special(byte))
		*text++ = '\\';
	*text++ = (char)byte;
	return text;
}

const char *dns_name_format(const struct dns_name *name, char text[DNS_NAME_TEXT])
{
	const uint8_t *at = name->wire;
	char *end = text;

	if (*at == 0)
		*end++ = '.';
	while (*at) {
		for (unsigned int left = *at++; left; left--)
			end = text_put_byte(end, *at++);
		*end++ = '.';
	}
	*end = '\0';
	return text;
}
