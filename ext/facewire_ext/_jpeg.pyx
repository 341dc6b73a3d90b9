"""Check that each scan of a JPEG has coded data for all of its blocks.

Codes are read and the values skipped; no pixels are made. A decoder would fill in missing
blocks, and report them only if that is its first warning.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ._huffman cimport Bits, Table, fill_table, skip_restart
from ._jpeg_blocks cimport MAX_COMPONENTS, Component, Scan, read_mcu

cdef enum:
    MISSING = -1


cdef class ScanReader:
    """Reads the scans of one frame, in order, each with the tables defined by then.

    width, height: [1, 65535]. sampling_factors: horizontal and vertical, [1, 4], of each
    of 1 to 4 components. progressive: whether the frame is; then 8 bytes are allocated for
    each block. Raises ValueError for other values.
    """

    cdef Component[MAX_COMPONENTS] components
    cdef int count
    cdef int width, height, max_horizontal, max_vertical
    cdef bint progressive
    cdef Table[8] tables

    def __cinit__(self, int width, int height, sampling_factors, bint progressive):
        if not (1 <= width <= 65535 and 1 <= height <= 65535):
            raise ValueError("width and height must be in [1, 65535]")
        if not 1 <= len(sampling_factors) <= MAX_COMPONENTS:
            raise ValueError("there must be 1 to 4 components")
        cdef int horizontal
        cdef int vertical
        for horizontal, vertical in sampling_factors:
            if not (1 <= horizontal <= 4 and 1 <= vertical <= 4):
                raise ValueError("factors must be in [1, 4]")
            self.components[self.count].horizontal = horizontal
            self.components[self.count].vertical = vertical
            self.count += 1
        self.width, self.height = width, height
        self.progressive = progressive
        self.max_horizontal = max(factor[0] for factor in sampling_factors)
        self.max_vertical = max(factor[1] for factor in sampling_factors)
        self.allocate()

    cdef int allocate(self) except -1:
        """Set the number of blocks in a row, and allocate `nonzero`."""
        cdef Component* component
        cdef Py_ssize_t rows
        cdef int index
        for index in range(self.count):
            component = &self.components[index]
            component.columns = ceil_div(self.width, 8 * self.max_horizontal)
            component.columns *= component.horizontal
            rows = ceil_div(self.height, 8 * self.max_vertical) * component.vertical
            if self.progressive:
                component.nonzero = <uint64_t*> calloc(rows * component.columns, 8)
                if component.nonzero is NULL:
                    raise MemoryError()
        return 0

    def __dealloc__(self):
        cdef int index
        for index in range(MAX_COMPONENTS):
            free(self.components[index].nonzero)

    def define_table(self, bint ac, int slot, bytes counts, bytes symbols):
        """Define a table of Huffman codes; it replaces one in the same slot, [0, 3].

        counts: the number of codes of 1 to 16 bits. symbols: one for each code. Raises
        ValueError when they do not fit.
        """
        if not 0 <= slot <= 3 or len(counts) != 16:
            raise ValueError("there are 4 slots, and codes of 1 to 16 bits")
        if len(symbols) > 256 or sum(counts) != len(symbols):
            raise ValueError("there must be a symbol for each code, 256 at most")
        fill_table(&self.tables[4 * ac + slot], counts, symbols, len(symbols))

    def read(
        self, const uint8_t[::1] coded not None, components, int first, int last,
        bint refines, Py_ssize_t restart_interval,
    ):
        """The number of bytes that the blocks of a scan take; -1 when some are missing.

        coded: the data between the scan's header and the next marker that is not a
        restart; bytes behind the last block are ignored. components: the index of each
        component, and the slots of its tables for DC and AC. first, last: the spectral
        selection, [0, 63]. refines: whether the scan adds a bit to the coefficients of an
        earlier one. restart_interval: in MCUs, 0 for none. The result is -1 for invalid
        codes and missing restarts, too. The GIL is released.
        """
        cdef Scan scan
        cdef Bits bits
        cdef int index, dc, ac
        if not 1 <= len(components) <= self.count or not 0 <= first <= last <= 63:
            return MISSING
        memset(&scan, 0, sizeof(scan))
        memset(&bits, 0, sizeof(bits))
        for index, dc, ac in components:
            if not (0 <= index < self.count and 0 <= dc <= 3 and 0 <= ac <= 3):
                return MISSING
            scan.components[scan.count].component = &self.components[index]
            scan.components[scan.count].dc = &self.tables[dc]
            scan.components[scan.count].ac = &self.tables[4 + ac]
            scan.count += 1
        scan.first, scan.last, scan.refines = first, last, refines
        scan.progressive = self.progressive
        scan.restart_interval = max(0, restart_interval)
        if coded.shape[0] > 0:
            bits.data = &coded[0]
        bits.end = coded.shape[0]
        with nogil:
            self.read_mcus(&scan, &bits)
        return MISSING if bits.failed else bits.position - bits.count // 8

    cdef void read_mcus(self, Scan* scan, Bits* bits) noexcept nogil:
        """Read all minimum coded units (MCUs) of a scan, until one fails."""
        cdef Component* component = scan.components[0].component
        cdef Py_ssize_t across, down, row, column, left
        cdef int restart = 0
        if scan.count == 1:  # an MCU is one block, and no blocks complete the last one
            across = ceil_div(self.width * component.horizontal, 8 * self.max_horizontal)
            down = ceil_div(self.height * component.vertical, 8 * self.max_vertical)
        else:
            across = ceil_div(self.width, 8 * self.max_horizontal)
            down = ceil_div(self.height, 8 * self.max_vertical)
        left = scan.restart_interval
        for row in range(down):
            for column in range(across):
                if scan.restart_interval > 0:
                    if left == 0:
                        skip_restart(bits, restart)
                        restart = (restart + 1) & 7
                        scan.eob_run = 0
                        left = scan.restart_interval
                    left -= 1
                read_mcu(scan, bits, row, column)
                if bits.failed:
                    return


cdef inline Py_ssize_t ceil_div(Py_ssize_t number, Py_ssize_t by) noexcept nogil:
    return (number + by - 1) // by
