/* Marks memory that nobody may touch, for AddressSanitizer; nothing without it.
 *
 * All arrays of a workspace lie in one block, where an overrun of one would only be
 * found at the end of the last.
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
