// SPDX-License-Identifier: BSD-3-Clause
// Which lcore does what, and the workers and stream lcores themselves, from the first to the last of
// them. The first EAL lcores behind the main one are workers, the next are stream lcores. Management
// lcore.
#pragma once

#include "app.h"

// How many lcores are for streams by the command line, before EAL starts: as told; otherwise one
// where there are enough for it not to halve the workers.
uint16_t lcores_set_aside(const struct options *options, int argc, char *const argv[]);

// Counts workers and stream lcores, with EAL started. Workers that were not pinned are as many as every
// port has queues for. 0, or -EINVAL with one line said.
int lcores_count(struct app *app, bool is_pinned);

// The DPDK lcore ids of workers, then of stream lcores: room for RTE_MAX_LCORE + 1.
void lcores_list(const struct app *app, unsigned int lcores[]);

// 0, or -errno with one line said.
int lcores_open(struct app *app);
int lcores_launch(struct app *app);
// What was published for stream lcores, which may be asleep, is seen soon. Before they are there,
// nothing happens.
void lcores_wake_streams(const struct app *app);
void lcores_close(struct app *app);
