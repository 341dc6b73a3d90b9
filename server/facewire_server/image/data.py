"""The bytes of an image: a file or raw pixels, as a part of the message that brought them."""

from io import BytesIO
from typing import TypeAlias

Data: TypeAlias = bytes | memoryview
"""Bytes that are read in place. A view is contiguous, of unsigned bytes."""

_STEP = 1 << 20


def as_file(data: Data) -> BytesIO:
    """Return a file in memory with the bytes; those of a view are copied.

    Step by step, since Python copies with the GIL held, and all other threads would wait
    for the whole of a large image.
    """
    if isinstance(data, bytes):
        return BytesIO(data)  # takes no copy
    file = BytesIO()
    for start in range(0, len(data), _STEP):
        file.write(data[start : start + _STEP])
    file.seek(0)
    return file
