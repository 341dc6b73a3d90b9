"""The base of all heads, and the reader that one of them makes for an inference request.

A head turns the outputs of a network into boxes. It is recognised by the network's outputs
and metadata; `bind` then ties it to the memory of one inference request.

Rule: outputs are NumPy arrays; nothing here needs OpenVINO.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from facewire_ext import Placement, Workspace
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata

Array = NDArray[Any]
"""A network output: float32, or int32 for those in `Head.integers`."""

LANDMARK_VALUES = 10
"""Five landmarks, x and y of each."""


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """Which detections to keep: the options of one request, defaults filled in.

    `min_confidence` and `iou_threshold` are within [0, 1]; `iou_threshold` None: no
    suppression. `max_detections` is at least 1.
    """

    min_confidence: float
    iou_threshold: float | None
    max_detections: int


@dataclass(frozen=True, slots=True)
class Found:
    """Detections in pixels of the upright image, by descending confidence.

    `boxes` float32 [n,4] (x_min, y_min, x_max, y_max), `confidences` float32 [n],
    `class_ids` int32 [n], `landmarks` float32 [n,10] (x and y of five points); None: the
    model has no landmarks.
    """

    boxes: NDArray[np.float32]
    confidences: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    landmarks: NDArray[np.float32] | None = None

    @classmethod
    def allocate(cls, count: int, *, landmarks: bool = False) -> Self:
        """Allocate uninitialised arrays for `count` detections."""
        return cls(
            np.empty((count, 4), np.float32),
            np.empty(count, np.float32),
            np.empty(count, np.int32),
            np.empty((count, LANDMARK_VALUES), np.float32) if landmarks else None,
        )

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The arrays, in the order of the decode functions of facewire_ext."""
        arrays = (self.boxes, self.confidences, self.class_ids)
        return arrays if self.landmarks is None else (*arrays, self.landmarks)


class Reader:
    """Reads the output arrays of one inference request. Not thread-safe."""

    def __init__(
        self,
        decode: Callable[..., int],
        outputs: Sequence[object],
        *,
        capacity: int,
        landmarks: bool = False,
        **settings: int,
    ) -> None:
        """`decode` is the function of facewire_ext that decodes `outputs`.

        `capacity` is the largest number of detections that `outputs` can hold, and
        `settings` are further arguments of `decode`.
        """
        self._decode = decode
        self._outputs = outputs
        self._capacity = capacity
        self._landmarks = landmarks
        self._settings = settings
        self._workspace = Workspace()

    def read(self, placement: Placement, options: FilterOptions) -> Found:
        """Decode the outputs of the last inference.

        `placement` says where the image lies in the network's input.
        """
        size = min(self._capacity, options.max_detections)
        found = Found.allocate(size, landmarks=self._landmarks)
        count = self._decode(
            *self._outputs,
            *found.arrays,
            placement=placement,
            min_confidence=options.min_confidence,
            iou_threshold=options.iou_threshold,
            workspace=self._workspace,
            **self._settings,
        )
        return Found(*(array[:count] for array in found.arrays))


@dataclass(frozen=True, slots=True)
class Head(ABC):
    """How to read the outputs of one network, and its defaults.

    `positions` are the indices of the outputs that `bind` takes, in its order. `title`
    names the head, and `expected` its outputs, for people.
    """

    positions: tuple[int, ...]
    metadata: Metadata

    title: ClassVar[str]
    expected: ClassVar[str]
    default_resize: ClassVar[ResizeMode]
    default_confidence: ClassVar[float]
    default_padding: ClassVar[int] = 0
    default_rgb: ClassVar[bool] = False
    default_mean: ClassVar[tuple[float, ...] | None] = None
    default_scale: ClassVar[tuple[float, ...] | None] = None

    @classmethod
    @abstractmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """Return the head if it fits a network with these outputs; otherwise None.

        `input_size` is (width, height) of the network's input in pixels.
        """

    @abstractmethod
    def bind(self, outputs: Sequence[Array]) -> Reader:
        """Make a reader of output arrays, given in the order of `positions`."""

    @property
    def integers(self) -> tuple[int, ...]:
        """Those of `positions` that are read as integers; the others are read as floats."""
        return ()

    @property
    def landmarks(self) -> bool:
        """Whether it reads landmarks."""
        return False

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.metadata.labels or ("face",)

    @property
    def resize(self) -> ResizeMode:
        """How an image is resized to the input's size."""
        return self.metadata.resize_type or self.default_resize

    @property
    def pad_value(self) -> int:
        """The value, 0 to 255, around an image that does not fill the input."""
        chosen = self.metadata.pad_value
        return self.default_padding if chosen is None else chosen

    @property
    def rgb(self) -> bool:
        """Whether the network's channels are R, G, B instead of B, G, R."""
        chosen = self.metadata.reverse_input_channels
        return self.default_rgb if chosen is None else chosen

    @property
    def mean(self) -> tuple[float, ...] | None:
        """What is subtracted from a pixel, per channel of the network; None: nothing."""
        return self.metadata.mean or self.default_mean

    @property
    def scale(self) -> tuple[float, ...] | None:
        """By what it is then divided, per channel of the network; None: by nothing."""
        return self.metadata.scale or self.default_scale

    @property
    def min_confidence(self) -> float:
        """The default of a request's `min_confidence`."""
        chosen = self.metadata.confidence_threshold
        return self.default_confidence if chosen is None else chosen

    @property
    def iou_threshold(self) -> float | None:
        """The default of a request's `iou_threshold`; None: no suppression is added.

        That is for networks that suppress overlaps themselves. Of others the metadata
        says `nms_execute`; 0.5 is Model API's default.
        """
        chosen = self.metadata.iou_threshold
        if not self.metadata.nms_execute:
            return None
        return 0.5 if chosen is None else chosen

    @property
    def max_detections(self) -> int | None:
        """The default of a request's `max_detections`; None: that of the server.

        Model API keeps 200 boxes where it suppresses them, unless the metadata has
        another number.
        """
        chosen = self.metadata.nms_max_predictions
        if not self.metadata.nms_execute:
            return None
        return 200 if chosen is None else chosen or None
