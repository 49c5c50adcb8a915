// SPDX-License-Identifier: BSD-3-Clause
// How many queries go into a TLS record. What an overlooked one looks like: a record held several,
// nothing was sent since, one of the first was answered, and the last was not. Whatever is sent later
// has all of them read, so that no others are ever overlooked.
#include "base/clock.h"
#include "stream/upstreams_private.h"

// Messages to send at a time, for joining them to be worth a trial, and to be done: where less comes, an
// overlooked one would have to wait long, and a record more costs little.
#define TRIAL_LEAST 8
#define JOINED_LEAST 4
#define OVERLOOKED_PAUSE (3600 * CLOCK_SECOND)
// A query that is given up may be an older one, whose record was read. One that was overlooked is given
// up when read_timeout has passed since the last record went, or less before the deadline of 5 s.
#define OVERLOOKED_LEAST (500 * CLOCK_MILLISECOND)

bool upstream_choose_records(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now)
{
	const struct stream_upstream_records *records = &upstreams->records[connection->upstream];
	bool is_joined = records->reads_several && connection->queued >= JOINED_LEAST;

	connection->connection.records =
		is_joined ? STREAM_RECORDS_OF_SEVERAL : STREAM_RECORDS_OF_ONE;
	return !records->reads_several && connection->queued >= TRIAL_LEAST &&
	       now >= records->try_at;
}

static uint64_t overlooked_after(const struct proxy_set *set, uint16_t upstream)
{
	uint64_t half = set->groups[set->upstreams[upstream].group].settings.read_timeout / 2;

	return half < OVERLOOKED_LEAST ? half : OVERLOOKED_LEAST;
}

void upstream_doubt_records(struct stream_upstreams *upstreams, struct stream_upstream *connection)
{
	struct stream_upstream_records *records = &upstreams->records[connection->upstream];

	if (!records->reads_several || !connection->connection.was_joined ||
		!connection->has_replied || connection->newest_is_answered ||
		stream_connection_output(&connection->connection) ||
		upstreams->now - connection->sent_at <
			overlooked_after(upstreams->set, connection->upstream))
		return;
	records->reads_several = false;
	records->try_at = upstreams->now + OVERLOOKED_PAUSE;
	upstreams->counts[connection->upstream].records_overlooked++;
}
