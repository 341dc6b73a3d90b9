"""Photos for calibration: read one after another, and only as many as are needed."""

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from facewire_server.errors import RequestError
from facewire_server.inference.network_input import NetworkInput


class Calibration:
    """Tensors of a network's input, made of photos as often as they are iterated.

    Photos come in a random order that is always the same, because those of a folder are often
    sorted by what they show. `broken` are the errors of those that are no images, by path.
    """

    def __init__(self, network_input: NetworkInput, photos: Sequence[Path], most: int) -> None:
        """`most`: how many tensors there are at most; further photos are not read."""
        self._input = network_input
        self._photos = list(photos)
        random.Random(1).shuffle(self._photos)
        self._most = most
        self.broken: dict[Path, str] = {}
        self.used = 0
        """How many photos were read."""

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return islice(self._tensors(), self._most)

    def _tensors(self) -> Iterator[NDArray[Any]]:
        used = 0
        for photo in self._photos:
            try:
                tensors = self._input.tensors(photo.read_bytes())
                used += 1
                self.used = max(self.used, used)
                yield from tensors
            except RequestError as error:
                self.broken[photo] = str(error)
            except OSError as error:
                self.broken[photo] = error.strerror or str(error)
