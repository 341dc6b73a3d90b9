"""Choose the widest vector instructions that the processor has.

The environment variable FACEWIRE_EXT_SIMD, read at import, names another level, for
measuring and for testing: portable, and sse2, avx2, avx512 on x86-64, neon on arm64.
All levels give the same bits.
"""

import os


cdef extern from "_simd_levels.h":
    int available_kernels(const Kernels** levels)


cdef const Kernels* available[8]
cdef int available_count = available_kernels(available)


def simd_levels():
    """The names of the SIMD levels that this processor has, the best last."""
    return tuple(available[index].name.decode() for index in range(available_count))


def simd_level():
    """The name of the SIMD level in use."""
    return kernels.name.decode()


def use_simd_level(str name not None):
    """Use another SIMD level from now on; ValueError when this processor lacks it."""
    global kernels
    if name not in simd_levels():
        raise ValueError(f"SIMD level must be one of {simd_levels()}, not {name!r}")
    kernels = available[simd_levels().index(name)]


kernels = available[available_count - 1]
if os.environ.get("FACEWIRE_EXT_SIMD"):
    use_simd_level(os.environ["FACEWIRE_EXT_SIMD"])
