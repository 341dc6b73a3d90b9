"""A part of a file, mapped into memory, that other processes write, read and may shorten."""

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.exc cimport PyErr_SetFromErrno
from libc.stdint cimport uint8_t
from libc.string cimport memcpy
from posix.fcntl cimport F_DUPFD_CLOEXEC, fcntl
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, PROT_WRITE, mmap, munmap
from posix.unistd cimport _SC_PAGESIZE, close, sysconf

cdef extern from "_bus_errors.h":
    int handle_bus_errors "facewire_handle_bus_errors"()
    int guard "facewire_guard"(void* start, size_t size)
    void unguard "facewire_unguard"(int slot)
    int slot_is_broken "facewire_is_broken"(int slot)


@cython.final
cdef class SharedMapping:
    """`size` bytes of a file from `offset` on, in place, as a read-only buffer.

    They change whenever another process writes them. If the file is made shorter, its lost
    bytes read as zeros and `is_broken` is set; no signal ends the process. At most 1024
    exist at a time.
    """

    cdef int descriptor
    cdef int slot
    cdef bint writable
    cdef void* pages
    cdef size_t mapped
    cdef uint8_t* bytes
    cdef Py_ssize_t size

    def __cinit__(
        self, int descriptor, Py_ssize_t offset, Py_ssize_t size, *, bint writable=False
    ):
        """Map an open file, which may be closed afterwards.

        ValueError for a negative offset or a size under 1, or when they are too large; OSError
        as mmap has it; MemoryError when there are too many.
        """
        cdef Py_ssize_t before, page = sysconf(_SC_PAGESIZE)
        self.descriptor, self.slot = -1, -1
        if offset < 0 or size < 1 or size > <Py_ssize_t> (<size_t> -1 >> 1) - offset - page:
            raise ValueError(f"{size} bytes from {offset} on cannot be mapped")
        if handle_bus_errors() != 0:
            PyErr_SetFromErrno(OSError)
        self.descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        if self.descriptor < 0:
            PyErr_SetFromErrno(OSError)
        before = offset % page
        self.map_pages(offset - before, (before + size + page - 1) // page * page, writable)
        self.bytes = <uint8_t*> self.pages + before
        self.size, self.writable = size, writable

    cdef int map_pages(self, Py_ssize_t start, Py_ssize_t size, bint writable) except -1:
        cdef void* pages = mmap(
            NULL, size, PROT_READ | (PROT_WRITE if writable else 0), MAP_SHARED,
            self.descriptor, start,
        )
        if pages == MAP_FAILED:
            PyErr_SetFromErrno(OSError)
        self.pages, self.mapped = pages, size
        self.slot = guard(pages, size)
        if self.slot < 0:
            raise MemoryError("there are too many shared mappings")
        return 0

    def __dealloc__(self):
        if self.slot >= 0:
            unguard(self.slot)
        if self.pages != NULL:
            munmap(self.pages, self.mapped)
        if self.descriptor >= 0:
            close(self.descriptor)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.bytes, self.size, True, flags)

    def __len__(self):
        return self.size

    def fileno(self):
        """The descriptor of the file, open as long as the mapping exists."""
        return self.descriptor

    @property
    def is_writable(self):
        """Whether `write` is allowed."""
        return self.writable

    @property
    def is_broken(self):
        """Whether bytes were read or written that the file did not have any more."""
        return slot_is_broken(self.slot) != 0

    def write(self, Py_ssize_t start, const uint8_t[::1] data not None):
        """Copy bytes into the file from `start` of the mapping on.

        ValueError if they do not fit in, or the mapping is not writable.
        """
        cdef Py_ssize_t count = data.shape[0]
        if not self.writable or start < 0 or start > self.size or count > self.size - start:
            raise ValueError(f"{count} bytes cannot be written at {start}")
        if count == 0:
            return
        with nogil:
            memcpy(self.bytes + start, &data[0], count)
