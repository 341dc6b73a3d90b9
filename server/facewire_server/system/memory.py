"""Lack of memory, in the words of the libraries that tell of it."""

import numpy as np

# OpenCV and libjpeg; C++ as OpenVINO passes it on; Pillow by the number of its error
# (IMAGING_CODEC_MEMORY), and in words.
_WORDS = ("Insufficient memory", "bad_alloc", "decoder error -9", "out of memory")


def is_lack_of_memory(error: BaseException) -> bool:
    """Whether an error of any library means that the machine had no memory."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _WORDS)


def is_available(size: int) -> bool:
    """Whether the process could have `size` more bytes now. They are not touched."""
    try:
        np.empty(size, np.uint8)
    except MemoryError:
        return False
    return True
