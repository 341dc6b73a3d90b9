/* Mark memory that must not be accessed, for AddressSanitizer; no effect without it.
 *
 * All arrays of a workspace are in one block of memory, where AddressSanitizer alone would
 * only find an overrun of the last one.
 */
#ifndef FACEWIRE_POISON_H
#define FACEWIRE_POISON_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FACEWIRE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define FACEWIRE_ASAN 1
#endif

#ifdef FACEWIRE_ASAN
#include <sanitizer/asan_interface.h>
#define facewire_poison(memory, bytes) __asan_poison_memory_region(memory, bytes)
#else
#define facewire_poison(memory, bytes) ((void)(memory), (void)(bytes))
#endif

#endif
