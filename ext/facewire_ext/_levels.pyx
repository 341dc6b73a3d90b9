"""The feature levels of a raw head: the network's output arrays, bound once.

Binding checks shapes and types and keeps the arrays alive, so that each call that decodes
them only has to read.
"""

from libc.math cimport isfinite
from libc.stdlib cimport calloc, free

from ._arrays cimport require_aligned


cdef class Levels:
    """The base of `AnchorLevels`, `AtssLevels` and `YunetLevels`; abstract."""

    def __cinit__(self, levels, *args, **options):
        self.held = []
        self.level_count = len(levels)
        if self.level_count == 0:
            raise ValueError("levels must not be empty")
        self.levels = <Level*> calloc(self.level_count, sizeof(Level))
        if self.levels == NULL:
            raise MemoryError("no memory for the levels")

    def __dealloc__(self):
        free(self.levels)

    cdef int set_strides(self, object strides) except -1:
        """Set one stride for each level."""
        if len(strides) != self.level_count:
            raise ValueError(
                f"strides must be as many as levels, {self.level_count}, "
                f"not {len(strides)}"
            )
        for index, stride in enumerate(strides):
            if not (isfinite(stride) and stride > 0):
                raise ValueError("strides must be finite and positive")
            self.levels[index].stride = stride

    cdef int count_candidates(self) except -1:
        """Set `first` and `candidates`; ValueError for more than the kernels can index."""
        cdef Py_ssize_t index
        cdef Py_ssize_t locations = 0
        cdef Level* level
        for index in range(self.level_count):
            level = &self.levels[index]
            level.first = locations
            locations += level.locations
            self.candidates += level.locations * level.classes
            if level.locations >= 1 << 24:
                raise ValueError("a level must have fewer than 2**24 locations")
        if self.candidates >= 1 << 31:
            raise ValueError("the levels must have fewer than 2**31 class values")

    cdef const float* bind(self, object array, str name, tuple shape) except? NULL:
        """Keep `array` alive and return a pointer to its values; NULL when it is empty.

        A None in `shape` fits any length; axes of 1 before the shape are ignored.
        """
        cdef memoryview view = bound_view(array, name)
        cdef const float[::1] values
        require_shape(view, name, shape)
        self.held.append(view)
        if view.nbytes == 0:
            return NULL
        values = view.cast("B").cast("f")
        require_aligned(&values[0], name)
        return &values[0]


cdef memoryview bound_view(object array, str name):
    """A view of float32 values without gaps."""
    try:
        view = memoryview(array)
    except TypeError:
        raise TypeError(
            f"{name} must be an array, not {type(array).__name__}"
        ) from None
    if view.format.lstrip("@=<") != "f":
        raise ValueError(f"{name} must be float32, not of format {view.format}")
    if not view.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous")
    return view


cdef int require_shape(memoryview view, str name, tuple shape) except -1:
    """Raise ValueError unless the axes fit `shape`, behind any axes of 1."""
    cdef Py_ssize_t extra = view.ndim - len(shape)
    cdef tuple given = view.shape
    fits = extra >= 0 and all(side == 1 for side in given[:extra])
    if not fits or any(
        wanted is not None and wanted != side
        for wanted, side in zip(shape, given[extra:])
    ):
        wanted = ["any" if side is None else side for side in shape]
        raise ValueError(
            f"{name} must be of shape [{', '.join(map(str, wanted))}], "
            f"not {list(given)}"
        )
