/* Tell libFuzzer which parts of the code an input has reached. Included at the head of each
 * file, only in the build that is fuzzed (see setup.py).
 *
 * libFuzzer expects the counters that Clang inserts. GCC calls a function at each branch
 * instead, which counts here; several branches may share a counter.
 */
#ifndef FACEWIRE_COVERAGE_H
#define FACEWIRE_COVERAGE_H

#include <stdint.h>

#define FACEWIRE_COUNTERS 4096
#define FACEWIRE_LOCAL __attribute__((visibility("hidden"), no_sanitize_coverage))

static uint8_t facewire_counters[FACEWIRE_COUNTERS];
/* The address and flags of each counter, by which libFuzzer would name it; left at 0. */
static uintptr_t facewire_addresses[2 * FACEWIRE_COUNTERS];

void __sanitizer_cov_8bit_counters_init(uint8_t *first, uint8_t *end);
void __sanitizer_cov_pcs_init(const uintptr_t *first, const uintptr_t *end);

__attribute__((constructor)) FACEWIRE_LOCAL void facewire_register_counters(void) {
    __sanitizer_cov_8bit_counters_init(facewire_counters,
                                       facewire_counters + FACEWIRE_COUNTERS);
    __sanitizer_cov_pcs_init(facewire_addresses, facewire_addresses + 2 * FACEWIRE_COUNTERS);
}

FACEWIRE_LOCAL void __sanitizer_cov_trace_pc(void) {
    uintptr_t address = (uintptr_t)__builtin_return_address(0);
    facewire_counters[(address ^ address >> 12) % FACEWIRE_COUNTERS]++;
}

/* GCC also reports comparisons of floats, which libFuzzer has no functions for. */
FACEWIRE_LOCAL void __sanitizer_cov_trace_cmpf(float a, float b) { (void)a, (void)b; }
FACEWIRE_LOCAL void __sanitizer_cov_trace_cmpd(double a, double b) { (void)a, (void)b; }

#endif
