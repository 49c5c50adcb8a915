// SPDX-License-Identifier: BSD-3-Clause
#include "store_trace.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/compiler.h"
#include "worker_thread.h"

#define PAGE ((uintptr_t)4096)
#define REGIONS_MOST 256
#define TABLE_LINES (1u << 17)
#define OPEN_MOST 8
#define TRAP_FLAG 0x100
#define FAULT_IS_WRITE 2

// The linker's names for where the file-scope variables of the program begin and end.
extern char __data_start;
extern char end;

struct region {
	uintptr_t start;
	uintptr_t end;
};

// A page that the instruction at hand may write, and the line behind the one it writes first.
struct open_page {
	uintptr_t page;
	uintptr_t next_line;
	uint8_t before[BASE_CACHE_LINE];
};

// Signal handlers have no other way to it.
static struct {
	struct region regions[REGIONS_MOST];
	size_t region_count;
	struct open_page open[OPEN_MOST];
	size_t open_count;
	unsigned int actor;
	struct store_trace_line lines[TABLE_LINES];
} trace;

static struct store_trace_line *line_slot(uintptr_t address)
{
	uintptr_t line = address & ~(uintptr_t)(BASE_CACHE_LINE - 1);
	size_t at = line / BASE_CACHE_LINE * UINT64_C(0x9e3779b97f4a7c15) >> 40;

	for (size_t i = 0; i < TABLE_LINES; i++) {
		struct store_trace_line *slot = &trace.lines[(at + i) % TABLE_LINES];

		if (!slot->address || slot->address == line)
			return slot;
	}
	abort();
}

static void count_store(uintptr_t address)
{
	struct store_trace_line *slot = line_slot(address);

	slot->address = address & ~(uintptr_t)(BASE_CACHE_LINE - 1);
	slot->stores[trace.actor]++;
}

static bool is_traced(uintptr_t address)
{
	for (size_t i = 0; i < trace.region_count; i++) {
		if (address >= trace.regions[i].start && address < trace.regions[i].end)
			return true;
	}
	return false;
}

static void protect(uintptr_t start, size_t bytes, int protection)
{
	// NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel names pages by their addresses.
	if (mprotect((void *)start, bytes, protection))
		abort();
}

static void on_fault(int signal_number, siginfo_t *information, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	uintptr_t address = (uintptr_t)information->si_addr;
	struct open_page *open = &trace.open[trace.open_count];

	if (!is_traced(address) || !(registers[REG_ERR] & FAULT_IS_WRITE) ||
		trace.open_count == OPEN_MOST) {
		// An error as any other: it comes again.
		(void)signal(signal_number, SIG_DFL);
		return;
	}
	trace.open_count++;
	count_store(address);
	open->page = address & ~(PAGE - 1);
	open->next_line = (address | (BASE_CACHE_LINE - 1)) + 1;
	// A wide store may reach into the next line; onto the next page, it faults once more.
	if (open->next_line & (PAGE - 1))
		// NOLINTNEXTLINE(performance-no-int-to-ptr)
		memcpy(open->before, (const void *)open->next_line, sizeof(open->before));
	else
		open->next_line = 0;
	protect(open->page, PAGE, PROT_READ | PROT_WRITE);
	registers[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal_number, siginfo_t *information, void *context)
{
	(void)signal_number;
	(void)information;
	while (trace.open_count) {
		struct open_page *open = &trace.open[--trace.open_count];

		// NOLINTNEXTLINE(performance-no-int-to-ptr)
		if (open->next_line && memcmp(open->before, (const void *)open->next_line,
					       sizeof(open->before)) != 0)
			count_store(open->next_line);
		protect(open->page, PAGE, PROT_READ);
	}
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

static bool has_any_of(const struct region *region, const void *first, const void *behind)
{
	return (uintptr_t)first < region->end && (uintptr_t)behind > region->start;
}

// A line of /proc/self/maps: what is private and can be written, and not among what is left out.
static void add_region(const char *text)
{
	unsigned long first;
	unsigned long behind;
	char flags[5];
	struct region region;

	if (sscanf(text, "%lx-%lx %4s", &first, &behind, flags) != 3 || strcmp(flags, "rw-p") != 0)
		return;
	region = (struct region){first, behind};
	if (strstr(text, "/libc.so") || strstr(text, "/ld-linux") || strstr(text, "[stack]") ||
		has_any_of(&region, &__data_start, &end) || has_any_of(&region, &errno, &errno + 1))
		return;
	if (trace.region_count == REGIONS_MOST)
		worker_thread_die("too many pieces of memory");
	trace.regions[trace.region_count++] = region;
}

void store_trace_open(void)
{
	const struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	const struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	char text[512];
	// On the stack: a file's own buffer would be among what is found, and gone later.
	char buffer[4096];
	FILE *maps = fopen("/proc/self/maps", "re");

	if (!maps || setvbuf(maps, buffer, _IOFBF, sizeof(buffer)))
		worker_thread_die("the memory of the program is not known");
	while (fgets(text, sizeof(text), maps))
		add_region(text);
	(void)fclose(maps);
	if (sigaction(SIGSEGV, &fault, NULL) || sigaction(SIGTRAP, &step, NULL))
		worker_thread_die("no signals");
}

void store_trace_begin(unsigned int actor)
{
	trace.actor = actor;
	for (size_t i = 0; i < trace.region_count; i++)
		protect(trace.regions[i].start, trace.regions[i].end - trace.regions[i].start,
			PROT_READ);
}

void store_trace_end(void)
{
	for (size_t i = 0; i < trace.region_count; i++)
		protect(trace.regions[i].start, trace.regions[i].end - trace.regions[i].start,
			PROT_READ | PROT_WRITE);
}

void store_trace_clear(void)
{
	memset(trace.lines, 0, sizeof(trace.lines));
}

const struct store_trace_line *store_trace_next(size_t *position)
{
	while (*position < TABLE_LINES) {
		const struct store_trace_line *line = &trace.lines[(*position)++];

		if (line->address)
			return line;
	}
	return NULL;
}

const struct store_trace_line *store_trace_find(uintptr_t address)
{
	const struct store_trace_line *line = line_slot(address);

	return line->address ? line : NULL;
}
