"""What every head has in common: how it is described, and how it is read.

A head turns the outputs of a network into boxes. It is made from the network's
outputs and metadata; `bind` then ties it to the memory of one inference request.
It knows nothing of OpenVINO: outputs are NumPy arrays.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement, Workspace
from facewire_server.image.target import ResizeMode
from facewire_server.models.metadata import Metadata

Array = NDArray[Any]
"""A network output: float32, or int32 for labels."""

LANDMARK_VALUES = 10
"""Five landmarks of x and y."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a network: its names, and its shape (-1: not fixed)."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    is_integer: bool

    def __str__(self) -> str:
        sizes = ",".join("?" if size < 0 else str(size) for size in self.shape)
        kind = "integer" if self.is_integer else "float"
        return f"{'/'.join(self.names) or 'unnamed'} [{sizes}] {kind}"


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What to keep: resolved options of one request.

    `iou_threshold` None: no suppression. `max_detections` at least 1.
    """

    min_confidence: float
    iou_threshold: float | None
    max_detections: int


@dataclass(frozen=True, slots=True)
class Found:
    """Detections in pixels of the upright image, by descending confidence.

    `boxes` float32 [n,4] (x_min, y_min, x_max, y_max), `confidences` float32 [n],
    `class_ids` int32 [n], `landmarks` float32 [n,10] (x and y of five points) or
    None where the model finds none.
    """

    boxes: NDArray[np.float32]
    confidences: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    landmarks: NDArray[np.float32] | None = None

    @classmethod
    def room_for(cls, count: int, *, landmarks: bool = False) -> Self:
        """Uninitialised arrays for up to `count` detections."""
        return cls(
            np.empty((count, 4), np.float32),
            np.empty(count, np.float32),
            np.empty(count, np.int32),
            np.empty((count, LANDMARK_VALUES), np.float32) if landmarks else None,
        )

    def arrays(self) -> tuple[Array, ...]:
        """The arrays in the order in which facewire_ext wants them."""
        always = (self.boxes, self.confidences, self.class_ids)
        return always if self.landmarks is None else (*always, self.landmarks)

    def first(self, count: int) -> "Found":
        """The first `count` of them, without a copy."""
        return Found(
            self.boxes[:count],
            self.confidences[:count],
            self.class_ids[:count],
            None if self.landmarks is None else self.landmarks[:count],
        )


class Reader:
    """A head tied to the output arrays of one inference request.

    Not to be used by two threads at a time.
    """

    def __init__(
        self,
        decode: Callable[..., int],
        outputs: Sequence[object],
        *,
        capacity: int,
        landmarks: bool = False,
        **settings: int,
    ) -> None:
        """`decode` is the function of facewire_ext that reads `outputs`.

        `capacity` is the most detections that it can find, and `settings` are
        arguments of `decode` that belong to the head.
        """
        self._decode = decode
        self._outputs = outputs
        self._capacity = capacity
        self._landmarks = landmarks
        self._settings = settings
        self._workspace = Workspace()

    def read(self, placement: Placement, threshold: FilterOptions) -> Found:
        """Reads the outputs as they are now."""
        room = min(self._capacity, threshold.max_detections)
        found = Found.room_for(room, landmarks=self._landmarks)
        count = self._decode(
            *self._outputs,
            *found.arrays(),
            placement=placement,
            min_confidence=threshold.min_confidence,
            iou_threshold=threshold.iou_threshold,
            workspace=self._workspace,
            **self._settings,
        )
        return found.first(count)


@dataclass(frozen=True, slots=True)
class Head(ABC):
    """How the outputs of one network are read, and its defaults.

    `positions` are the indices of the outputs it reads, in the order in which
    `bind` wants them.
    """

    positions: tuple[int, ...]
    metadata: Metadata

    title: ClassVar[str]
    wanted: ClassVar[str]
    default_resize: ClassVar[ResizeMode]
    default_confidence: ClassVar[float]

    @classmethod
    @abstractmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """The head of a network with these outputs; None: it has another.

        `input_size` is (width, height) of the network's input in pixels.
        """

    @abstractmethod
    def bind(self, outputs: Sequence[Array]) -> Reader:
        """Ties the head to output arrays, in the order of `positions`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.metadata.labels or ("face",)

    @property
    def resize(self) -> ResizeMode:
        """How images are brought to the input's size."""
        return self.metadata.resize_type or self.default_resize

    @property
    def min_confidence(self) -> float:
        """The smallest confidence kept when a request does not say."""
        chosen = self.metadata.confidence_threshold
        return self.default_confidence if chosen is None else chosen

    @property
    def iou_threshold(self) -> float | None:
        """The threshold of suppression when a request does not say.

        None: the network suppresses by itself, and nothing is added.
        """
        return None
