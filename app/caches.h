// SPDX-License-Identifier: BSD-3-Clause
// The caches of the configuration, from the management lcore's side.
#pragma once

#include "app.h"

// Before the workers are made. 0 or -errno with one line said; nothing is made where the
// configuration has no `cache`.
base_must_check int caches_open(struct app *app);
void caches_close(struct app *app);

// The caches of a configuration that is to follow, in *caches, unpublished; NULL there where there
// never were any. 0, or -errno with `error` filled in.
base_must_check int caches_prepare(const struct app *app, const struct config *config,
	struct forward_caches **caches, struct config_error *error);
// After every lcore has followed: the manager goes over to those that were prepared, with the
// configuration that they are of.
void caches_follow(struct app *app);

// Each turn of the management loop: grace periods that stores want, and a piece of what is asked of
// them, and of loading and saving. True if there is more to do at once.
bool caches_turn(struct app *app, uint64_t now);

// When the queries have drained: turns save the caches from now on, if they are kept at all.
void caches_save(struct app *app);
uint32_t caches_unsaved(const struct app *app); // how many are left, 0 before caches_save

// Every second or so: the wall clock, by which signatures end.
void caches_set_wall(struct app *app, uint64_t now);
