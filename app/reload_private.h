// SPDX-License-Identifier: BSD-3-Clause
// What the files of a reload share.
#pragma once

#include "reload.h"

// The sums of the files that were read, or refused, last.
void reload_keep_sums(struct app *app, struct config_sums sums);

// Wants a reload where a source has changed.
void reload_follow_sources(struct app *app, uint64_t now);

// Three steps to what comes next: 0, or -errno with why in one line. They leave it in app.reload, as
// far as they come: to be published, or given up.

// Reads the configuration; its new host names are asked for from then on.
base_must_check int reload_read(struct app *app, struct config_error *error);
// With what was found of them: checks it, and makes all that needs no path to an upstream.
base_must_check int reload_make(struct app *app, struct config_error *why);
// The snapshot; the filters let through what is served by the old and the new.
base_must_check int reload_make_snapshot(struct app *app, struct config_error *why);

// A set without what is drained, if anything is; else nothing.
void reload_make_pruned(struct app *app);

// Frees what was made and not published.
void reload_give_up(struct app *app);
