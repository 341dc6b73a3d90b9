"""The coded data of a JPEG: whether each scan has bits for all of its blocks.

Nothing becomes a pixel: codes are read, and what they stand for is passed over. A
decoder fills up what is missing, and says no more of it than its first warning.
"""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ._huffman cimport Bits, Table, fill_table, pass_restart
from ._jpeg_blocks cimport MOST_COMPONENTS, Component, Scan, read_unit

cdef enum:
    MISSING = -1


cdef class ScanReader:
    """Reads the scans of one frame, in order, each with the tables defined by then.

    width, height: [1, 65535]. factors: of each of 1 to 4 components, how many of its
    blocks a unit has across and down, [1, 4]. With `progressive` it takes 8 bytes for
    each block.
    """

    cdef Component[MOST_COMPONENTS] components
    cdef int count
    cdef int width, height, most_across, most_down
    cdef bint progressive
    cdef Table[8] tables

    def __cinit__(self, int width, int height, factors, bint progressive):
        if not (1 <= width <= 65535 and 1 <= height <= 65535):
            raise ValueError("width and height must be in [1, 65535]")
        if not 1 <= len(factors) <= MOST_COMPONENTS:
            raise ValueError("there must be 1 to 4 components")
        cdef int across
        cdef int down
        for across, down in factors:
            if not (1 <= across <= 4 and 1 <= down <= 4):
                raise ValueError("factors must be in [1, 4]")
            self.components[self.count].across = across
            self.components[self.count].down = down
            self.count += 1
        self.width, self.height = width, height
        self.progressive = progressive
        self.most_across = max(factor[0] for factor in factors)
        self.most_down = max(factor[1] for factor in factors)
        self.make_room()

    cdef int make_room(self) except -1:
        cdef Component* component
        cdef Py_ssize_t rows
        cdef int index
        for index in range(self.count):
            component = &self.components[index]
            component.columns = ceil_div(self.width, 8 * self.most_across)
            component.columns *= component.across
            rows = ceil_div(self.height, 8 * self.most_down) * component.down
            if self.progressive:
                component.known = <uint64_t*> calloc(rows * component.columns, 8)
                if component.known is NULL:
                    raise MemoryError()
        return 0

    def __dealloc__(self):
        cdef int index
        for index in range(MOST_COMPONENTS):
            free(self.components[index].known)

    def define_table(self, bint ac, int slot, bytes counts, bytes symbols):
        """Define a table of Huffman codes, in place of one in the same slot, [0, 3].

        counts: how many codes have 1 to 16 bits. symbols: by code. Raises ValueError
        when they do not fit.
        """
        if not 0 <= slot <= 3 or len(counts) != 16:
            raise ValueError("there are 4 slots, and codes of 1 to 16 bits")
        if len(symbols) > 256 or sum(counts) != len(symbols):
            raise ValueError("there must be a symbol for each code, 256 at most")
        fill_table(&self.tables[4 * ac + slot], counts, symbols, len(symbols))

    def read(
        self, const uint8_t[::1] coded not None, parts, int first, int last,
        bint refines, Py_ssize_t interval,
    ):
        """How many bytes of a scan's data its blocks take; -1 when some are missing.

        coded: what lies between the scan's header and the next marker that is not a
        restart; what is behind the last block does not matter. parts: the index of
        each component, and the slots of its tables for DC and AC. first, last: its
        coefficients, [0, 63]. refines: whether it adds a bit to what an earlier scan
        brought. interval: of restarts, 0 for none. -1 also where a code is none, or a
        restart is missing. The GIL is released.
        """
        cdef Scan scan
        cdef Bits bits
        cdef int index, dc, ac
        if not 1 <= len(parts) <= self.count or not 0 <= first <= last <= 63:
            return MISSING
        memset(&scan, 0, sizeof(scan))
        memset(&bits, 0, sizeof(bits))
        for index, dc, ac in parts:
            if not (0 <= index < self.count and 0 <= dc <= 3 and 0 <= ac <= 3):
                return MISSING
            scan.parts[scan.count].component = &self.components[index]
            scan.parts[scan.count].dc = &self.tables[dc]
            scan.parts[scan.count].ac = &self.tables[4 + ac]
            scan.count += 1
        scan.first, scan.last, scan.refines = first, last, refines
        scan.progressive, scan.interval = self.progressive, max(0, interval)
        if coded.shape[0] > 0:
            bits.data = &coded[0]
        bits.end = coded.shape[0]
        with nogil:
            self.read_units(&scan, &bits)
        return MISSING if bits.failed else bits.position - bits.count // 8

    cdef void read_units(self, Scan* scan, Bits* bits) noexcept nogil:
        cdef Component* component = scan.parts[0].component
        cdef Py_ssize_t across, down, row, column, left
        cdef int restart = 0
        if scan.count == 1:  # a unit is one block, and none fill up
            across = ceil_div(self.width * component.across, 8 * self.most_across)
            down = ceil_div(self.height * component.down, 8 * self.most_down)
        else:
            across = ceil_div(self.width, 8 * self.most_across)
            down = ceil_div(self.height, 8 * self.most_down)
        left = scan.interval
        for row in range(down):
            for column in range(across):
                if scan.interval > 0:
                    if left == 0:
                        pass_restart(bits, restart)
                        restart = (restart + 1) & 7
                        scan.end_of_band = 0
                        left = scan.interval
                    left -= 1
                read_unit(scan, bits, row, column)
                if bits.failed:
                    return


cdef inline Py_ssize_t ceil_div(Py_ssize_t number, Py_ssize_t by) noexcept nogil:
    return (number + by - 1) // by
