"""Decode the file at standard input with more and more memory; print each outcome.

    python -m tests.server.image.starved < FILE

One line for each 3 MiB more that the process may allocate: the size of the image, the
reason of a error_reason, or MemoryError.
"""

import resource
import sys

import psutil

from facewire_server.errors import RequestError
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits

LIMITS = ImageLimits(64_000_000)
MAX_MB = 80
MB = 1 << 20


def outcome(data: bytes) -> str:
    try:
        picture = decode(data, limits=LIMITS)
    except RequestError as error:
        return error.reason
    except MemoryError:
        return "MemoryError"
    return f"{picture.width}x{picture.height}"


def main() -> None:
    data = sys.stdin.buffer.read()
    decode(data, limits=LIMITS)  # loads what is loaded only once
    for room in range(1, MAX_MB, 3):
        used = psutil.Process().memory_info().vms
        unlimited = resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_AS, (used + room * MB, unlimited))
        result = outcome(data)
        resource.setrlimit(resource.RLIMIT_AS, (unlimited, unlimited))
        print(result)


main()
