// SPDX-License-Identifier: BSD-3-Clause
// Mark, unlink, close of lib/proxy between one owner and the manager, with QSBR's grace period.
// A step here is one that the other side can see: a message, a slot's state, a quiescent state.
//
// -DNO_GRACE_PERIOD: the manager closes at once. -DFORGET_MARKS: the owner forgets a mark of a
// busy connection. Each must give a counterexample.

#define SLOTS 2
#define QUERIES 2
#define NONE SLOTS

mtype = {MARK, CLOSED};
mtype = {FREE, OPEN, UNLINKED};

// Written by the owner.
mtype state[SLOTS] = FREE;
byte in_flight[SLOTS];
bool is_retired[SLOTS];
bit generation[SLOTS];
byte quiescent_at; // the grace period that the owner has seen last

// Written by the manager.
bool marked[SLOTS];
bool is_closed[SLOTS] = true;
byte grace_period;

// Capacities as proxy_pools_init() gives them: one unlink a slot, a mark and a close a slot.
chan to_manager = [SLOTS] of {byte};
chan from_manager = [2 * SLOTS] of {mtype, byte, bit};

// Ghosts, for the properties alone.
bool is_held[SLOTS]; // the owner has a pointer to it in this burst
bool in_free_list[SLOTS] = true;
bool in_pool[SLOTS];
bool in_ring[SLOTS]; // to the manager
bool is_collected[SLOTS];
bool is_coming_back[SLOTS]; // its CLOSED message is on its way
byte query_slot[QUERIES] = NONE;
bool has_waited[QUERIES];

#define IS_IN_ONE_PLACE(s)                                                                         \
	(in_free_list[s] + in_pool[s] + in_ring[s] + is_collected[s] + is_coming_back[s] == 1)

// The owner's use of a connection through a pointer.
inline touch(s)
{
	assert(!is_closed[s]);
	is_held[s] = true
}

inline open_slot(s)
{
	assert(in_free_list[s] && is_closed[s]);
	in_free_list[s] = false;
	in_pool[s] = true;
	is_closed[s] = false;
	is_retired[s] = false;
	generation[s] = 1 - generation[s];
	state[s] = OPEN
}

inline unlink_slot(s)
{
	assert(in_pool[s] && in_flight[s] == 0 && nfull(to_manager));
	is_retired[s] = true;
	state[s] = UNLINKED;
	in_pool[s] = false;
	in_ring[s] = true;
	to_manager!s;
	assert(IS_IN_ONE_PLACE(s))
}

inline read_message(kind, s, g)
{
	from_manager?kind, s, g;
	if
	:: kind == CLOSED ->
		assert(state[s] == UNLINKED && is_closed[s]);
		is_coming_back[s] = false;
		in_free_list[s] = true;
		state[s] = FREE;
		assert(IS_IN_ONE_PLACE(s))
	:: kind == MARK && state[s] != OPEN -> skip
	:: kind == MARK && state[s] == OPEN && is_retired[s] -> skip
	:: kind == MARK && state[s] == OPEN && !is_retired[s] ->
		// The connection that was marked, not one opened since.
		assert(generation[s] == g);
		touch(s);
		if
		:: in_flight[s] == 0 -> unlink_slot(s)
		:: else ->
#ifndef FORGET_MARKS
			is_retired[s] = true
#else
			skip
#endif
		fi
	fi
}

// A new query on an idle, a free or a busy connection, if there is one.
inline take(q, s)
{
	if
	:: state[s] == FREE -> open_slot(s)
	:: state[s] == OPEN && !is_retired[s] -> skip
	fi;
	touch(s);
	in_flight[s]++;
	query_slot[q] = s;
	has_waited[q] = false
}

// Its answer came, or its time is up; the connection may then be found of no more use.
inline give_back(q, s)
{
	s = query_slot[q];
	assert(state[s] == OPEN && in_pool[s] && in_flight[s] > 0);
	touch(s);
	query_slot[q] = NONE;
	in_flight[s]--;
	if
	:: in_flight[s] == 0 && is_retired[s] -> unlink_slot(s)
	:: in_flight[s] == 0 && !is_retired[s] -> unlink_slot(s) // max_idle_conns, or expire 0
	:: in_flight[s] == 0 && !is_retired[s] -> skip // idle
	:: in_flight[s] > 0 -> skip
	:: in_flight[s] > 0 -> is_retired[s] = true // a shared one, on which this query timed out
	fi
}

proctype owner()
{
	mtype kind;
	byte s;
	byte q;
	bit g;

	do
	:: // One burst.
		atomic {
			if
			:: nempty(from_manager) -> read_message(kind, s, g)
			:: empty(from_manager) -> skip
			fi
		};
		q = 0;
		do
		:: q < QUERIES ->
			atomic {
				if
				:: query_slot[q] == NONE -> skip
				:: query_slot[q] == NONE -> s = 0; if
					:: state[s] == FREE || (state[s] == OPEN && !is_retired[s]) -> take(q, s)
					:: else -> skip
					fi
				:: query_slot[q] == NONE -> s = 1; if
					:: state[s] == FREE || (state[s] == OPEN && !is_retired[s]) -> take(q, s)
					:: else -> skip
					fi
				:: query_slot[q] != NONE -> give_back(q, s)
				:: query_slot[q] != NONE && !has_waited[q] -> has_waited[q] = true
				fi;
				s = 0
			};
			q++
		:: else -> break
		od;
		// An idle one found stale while another was looked for.
		atomic {
			if
			:: state[0] == OPEN && in_flight[0] == 0 -> touch(0); unlink_slot(0)
			:: true -> skip
			fi
		};
		// The last stage of the burst uses what the first ones found.
		atomic {
			assert(!is_held[0] || !is_closed[0]);
			assert(!is_held[1] || !is_closed[1]);
			is_held[0] = false;
			is_held[1] = false;
			q = 0
		};
		quiescent_at = grace_period
	od
}

// The manager reads the state, and sends the mark later: the owner may have unlinked meanwhile.
inline mark(s, g)
{
	if
	:: !marked[s] && state[s] == OPEN ->
		g = generation[s];
		assert(!is_closed[s]);
		atomic {
			assert(nfull(from_manager) && !is_closed[s]);
			marked[s] = true;
			from_manager!MARK, s, g;
			g = 0
		}
	:: true -> skip
	fi
}

inline close_collected(s)
{
	atomic {
		if
		:: is_collected[s] ->
			assert(in_flight[s] == 0 && !is_held[s] && state[s] == UNLINKED);
			assert(nfull(from_manager));
			is_closed[s] = true;
			marked[s] = false;
			is_collected[s] = false;
			is_coming_back[s] = true;
			from_manager!CLOSED, s, 0;
			assert(IS_IN_ONE_PLACE(s))
		:: else -> skip
		fi
	}
}

proctype manager()
{
	byte s;
	bit g;

	do
	:: // One turn of its loop.
		mark(0, g);
		mark(1, g);
		do
		:: atomic {
			nempty(to_manager) ->
			to_manager?s;
			in_ring[s] = false;
			is_collected[s] = true;
			assert(IS_IN_ONE_PLACE(s));
			s = 0
		}
		:: empty(to_manager) -> break
		od;
		if
		:: is_collected[0] || is_collected[1] ->
#ifndef NO_GRACE_PERIOD
			// One grace period for all that was collected.
			grace_period = (grace_period + 1) % 3;
			quiescent_at == grace_period;
#endif
			close_collected(0);
			close_collected(1)
		:: else -> skip
		fi
	od
}

init
{
	atomic {
		run owner();
		run manager()
	}
}

// Slot 1 has no owner that finds it stale by itself when idle: only the mark is sure.
ltl marked_is_closed
{
	[] (marked[1] -> <> !marked[1])
}

ltl query_ends
{
	[] ((query_slot[0] != NONE) -> <> (query_slot[0] == NONE))
}
