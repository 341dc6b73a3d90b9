/* Guard mapped files: after one has been made shorter, its lost pages read as zeros.
 *
 * A process that reads a page of a mapping beyond the end of the file gets SIGBUS, which would
 * end it. No check before the read can prevent that, since another process may shorten the
 * file at any time. The handler here maps empty memory over the lost pages of guarded ranges
 * and marks the range, so that the read goes on and its result can be thrown away. A SIGBUS
 * of any other address goes to the handler that was there before, or ends the process.
 */
#ifndef FACEWIRE_BUS_ERRORS_H
#define FACEWIRE_BUS_ERRORS_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FACEWIRE_GUARDS 1024

/* A guarded range of pages, in use if its start is not 0. Handlers read while others write:
 * the start is set last and cleared first. */
typedef struct {
    _Atomic uintptr_t start;
    _Atomic uintptr_t end;
    _Atomic int broken;
} facewire_guarded;

static facewire_guarded facewire_guards[FACEWIRE_GUARDS];
static struct sigaction facewire_previous;
static atomic_int facewire_passed_on;
static uintptr_t facewire_page;

static facewire_guarded* facewire_guard_at(uintptr_t address) {
    for (int slot = 0; slot < FACEWIRE_GUARDS; slot++) {
        facewire_guarded* guarded = &facewire_guards[slot];
        uintptr_t start = atomic_load(&guarded->start);
        if (start == 0 || address < start || address >= atomic_load(&guarded->end)) continue;
        /* If the slot was given to another range meanwhile, the end is not of this start. */
        if (atomic_load(&guarded->start) == start) return guarded;
    }
    return NULL;
}

/* Called on the thread that reads, at any instruction: only plain system calls are allowed. */
static void facewire_on_bus_error(int number, siginfo_t* info, void* context) {
    int saved = errno;
    uintptr_t address = (uintptr_t) info->si_addr;
    int is_sent = info->si_code <= 0; /* by kill(): it has no address */
    facewire_guarded* guarded = is_sent ? NULL : facewire_guard_at(address);
    struct sigaction next = facewire_previous;
    (void) context;
    if (guarded != NULL) {
        uintptr_t start = address - address % facewire_page;
        /* Before the pages are there, so that nobody reads zeros of an unmarked range. */
        atomic_store(&guarded->broken, 1);
        if (mmap((void*) start, atomic_load(&guarded->end) - start, PROT_READ | PROT_WRITE,
                 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED) {
            errno = saved;
            return;
        }
    }
    /* The access is repeated on return, and meets the handler that is set now. One that hands
     * back to this one must not be called again. */
    if (atomic_exchange(&facewire_passed_on, 1)) {
        memset(&next, 0, sizeof next);
        next.sa_handler = SIG_DFL;
    }
    sigaction(number, &next, NULL);
    if (is_sent) raise(number);
    errno = saved;
}

/* Set the handler unless it is set; others, such as faulthandler, may have replaced it.
 * Returns 0, or -1 with errno. The caller holds the GIL. */
static int facewire_handle_bus_errors(void) {
    struct sigaction ours, current;
    if (sigaction(SIGBUS, NULL, &current) != 0) return -1;
    if ((current.sa_flags & SA_SIGINFO) && current.sa_sigaction == facewire_on_bus_error) return 0;
    facewire_page = (uintptr_t) sysconf(_SC_PAGESIZE);
    facewire_previous = current;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = facewire_on_bus_error;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    return sigaction(SIGBUS, &ours, NULL);
}

/* Guard `size` bytes of whole pages; returns the slot, or -1 if all are in use. The caller
 * holds the GIL. */
static int facewire_guard(void* start, size_t size) {
    for (int slot = 0; slot < FACEWIRE_GUARDS; slot++) {
        facewire_guarded* guarded = &facewire_guards[slot];
        if (atomic_load(&guarded->start) != 0) continue;
        atomic_store(&guarded->broken, 0);
        atomic_store(&guarded->end, (uintptr_t) start + size);
        atomic_store(&guarded->start, (uintptr_t) start);
        return slot;
    }
    return -1;
}

static void facewire_unguard(int slot) { atomic_store(&facewire_guards[slot].start, 0); }

static int facewire_is_broken(int slot) { return atomic_load(&facewire_guards[slot].broken); }

#endif
