"""Decodes the file at standard input with ever more memory; prints what came of it.

    python -m tests.server.image.starved < FILE

One line for each 3 MiB more that the process may grow by: the size of the image, the
reason of a refusal, or MemoryError.
"""

import resource
import sys

import psutil

from facewire_server.errors import RequestError
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits

LIMITS = ImageLimits(64_000_000)
MOST_MB = 80
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
    decode(data, limits=LIMITS)  # whatever is needed only once is there then
    for room in range(1, MOST_MB, 3):
        used = psutil.Process().memory_info().vms
        unlimited = resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_AS, (used + room * MB, unlimited))
        result = outcome(data)
        resource.setrlimit(resource.RLIMIT_AS, (unlimited, unlimited))
        print(result)


main()
