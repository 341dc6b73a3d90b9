"""The head of YOLOs whose graph decodes boxes to pixels: v5, v7, v8 and later, for faces."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from facewire_ext import YoloRows, decode_yolo
from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads.base import Array, Head, Reader
from facewire_server.inference.heads.levels import cells
from facewire_server.inference.heads.output import Output
from facewire_server.models.metadata import Metadata

MODEL_TYPE = re.compile(r"yolo[-_ ]?(v?(5|7|8|9|10|11|12|26))?([-_ ]?face)?", re.IGNORECASE)
"""Values of `model_type` for networks of this form; others, as YOLOX, are not decoded."""

STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
POINTS = 5
ABSENT = -1


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of the output are what, as `YoloRows` takes it.

    `columns` is their number. `suppressed`: the network has suppressed overlaps itself,
    and its rows are corners, confidence, class and landmarks. `thresholds` are the
    confidence and the IoU that its maker's programs use: Ultralytics' if nothing is said.
    """

    columns: int
    scores: int
    classes: int = 1
    objectness: int = ABSENT
    landmarks: int = ABSENT
    landmark_step: int = 2
    transposed: bool = False
    suppressed: bool = False
    thresholds: tuple[float, float] = (0.25, 0.7)

    @classmethod
    def decoded(cls, classes: int, anchors: int) -> tuple[Self, ...]:
        """The layouts of a network with so many classes, and anchors in each cell.

        Without anchors (1): box, classes, landmarks. With 3: box, objectness, classes; or
        box, objectness, landmarks, classes (yolov5-face); or box, objectness, classes,
        landmarks (yolov7-face). A landmark has x and y, in v7 and v8 often a visibility.
        """
        first = 4 if anchors == 1 else 5
        end = first + classes
        plain = cls(end, first, classes)
        if anchors > 1:
            plain = replace(plain, objectness=4, thresholds=(0.25, 0.45))
        three = replace(plain, columns=end + 3 * POINTS, landmarks=end, landmark_step=3)
        two = replace(plain, columns=end + 2 * POINTS, landmarks=end)
        if anchors > 1:
            scores = first + 2 * POINTS
            two = replace(two, scores=scores, landmarks=first, thresholds=(0.6, 0.5))
        return plain, two, three

    @classmethod
    def after_suppression(cls) -> tuple[Self, ...]:
        """The layouts of networks that suppress overlaps: YOLOv10, YOLO26, `nms=True`."""
        plain = cls(6, 4, suppressed=True)
        two = replace(plain, columns=6 + 2 * POINTS, landmarks=6)
        return plain, two, replace(two, columns=6 + 3 * POINTS, landmark_step=3)

    def fits(self, columns: int, kpt_shape: tuple[int, int] | None) -> bool:
        """Whether it has so many columns, and its landmarks are as the metadata say."""
        shape = None if self.landmarks < 0 else (POINTS, self.landmark_step)
        return self.columns == columns and kpt_shape in (None, shape)


@dataclass(frozen=True, slots=True)
class YoloHead(Head):
    """One output [1,N,C] or [1,C,N]: a row of C columns for each of N anchors.

    The image is treated as Ultralytics and yolov5-face do: RGB / 255, in the middle of
    grey 114.
    """

    layout: Layout

    title: ClassVar[str] = "YOLO"
    expected: ClassVar[str] = (
        "one output [1,N,C] or [1,C,N] of decoded rows, N being 1 or 3 for each cell of"
        " strides 8, 16 and 32, or [1,N,6], [1,N,16] or [1,N,21] after suppression"
    )
    default_resize: ClassVar[ResizeMode] = ResizeMode.FIT_TO_WINDOW_LETTERBOX
    default_confidence: ClassVar[float] = 0.25
    default_padding: ClassVar[int] = 114
    default_rgb: ClassVar[bool] = True
    default_scale: ClassVar[tuple[float, ...] | None] = (255.0,)

    @classmethod
    def recognise(
        cls, outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata
    ) -> Self | None:
        """See Head.recognise; raises ModelError when the metadata leave a doubt.

        The number of rows tells whether there are anchors, and so objectness; the number
        of columns and of classes, by `labels` (none: one, the face), tells whether there
        are landmarks. The raw levels that YOLOv5 exports beside its rows are ignored.
        """
        tables = [at for at, output in enumerate(outputs) if len(output.shape) == 3]
        if len(tables) != 1 or any(len(output.shape) not in (3, 5) for output in outputs):
            return None
        output = outputs[tables[0]]
        if output.is_integer or output.shape[0] not in (1, -1):
            return None
        if metadata.model_type and not MODEL_TYPE.fullmatch(metadata.model_type):
            return None
        layout = _decoded(output, input_size, metadata) or _suppressed(output, metadata)
        return None if layout is None else cls((tables[0],), metadata, layout)

    def bind(self, outputs: Sequence[Array]) -> Reader:
        """See Head.bind."""
        layout = self.layout
        rows = YoloRows(
            outputs[0],
            transposed=layout.transposed,
            scores=layout.scores,
            classes=layout.classes,
            objectness=layout.objectness,
            class_column=5 if layout.suppressed else ABSENT,
            landmarks=layout.landmarks,
            landmark_step=layout.landmark_step,
            corners=layout.suppressed,
        )
        return Reader(decode_yolo, (rows,), capacity=rows.rows, landmarks=self.landmarks)

    @property
    def landmarks(self) -> bool:
        """See Head.landmarks."""
        return self.layout.landmarks != ABSENT

    @property
    def min_confidence(self) -> float:
        """See Head.min_confidence."""
        chosen = self.metadata.confidence_threshold
        return self.layout.thresholds[0] if chosen is None else chosen

    @property
    def iou_threshold(self) -> float | None:
        """See Head.iou_threshold."""
        if self.layout.suppressed:
            return None
        chosen = self.metadata.iou_threshold
        return self.layout.thresholds[1] if chosen is None else chosen


def _decoded(output: Output, input_size: tuple[int, int], metadata: Metadata) -> Layout | None:
    """Find the layout of rows that are still to be suppressed; None: these are no such.

    Raises ModelError for rows of columns that fit neither labels nor landmarks.
    """
    classes = len(metadata.labels or ("face",))
    for transposed in (True, False):
        rows, columns = output.shape[:0:-1] if transposed else output.shape[1:]
        anchors = _anchors(rows, input_size, metadata.strides)
        if anchors is None:
            continue
        layouts = Layout.decoded(classes, anchors)
        for layout in layouts:
            if layout.fits(columns, metadata.kpt_shape):
                return replace(layout, transposed=transposed)
        numbers = ", ".join(str(layout.columns) for layout in layouts)
        landmarks = f" and kpt_shape {list(metadata.kpt_shape)}" if metadata.kpt_shape else ""
        raise ModelError(
            f"a YOLO's output {output} has {columns} columns, which does not fit {classes}"
            f" class{'es' if classes > 1 else ''}{landmarks}: there would be {numbers} (without"
            " landmarks, or with five of 2 or 3 values). Set `labels` to the names of all"
            " classes, in a TOML file beside the model."
        )
    return None


def _anchors(rows: int, input_size: tuple[int, int], strides: tuple[int, ...] | None) -> int | None:
    """Return how many rows there are for each cell, 1 or 3; None if they fit no cells."""
    for chosen in (strides,) if strides else STRIDES:
        total = sum(cells(input_size, stride) for stride in chosen)
        if rows in (total, 3 * total):
            return rows // total
    return None


def _suppressed(output: Output, metadata: Metadata) -> Layout | None:
    """Find the layout of rows that are suppressed; None: these are no such.

    Raises ModelError if they may as well be RT-DETR's: boxes and a score for each class.
    """
    columns = output.shape[2]
    layouts: Iterator[Layout] = iter(Layout.after_suppression())
    found = next((each for each in layouts if each.fits(columns, metadata.kpt_shape)), None)
    # False tells nothing: it is also so in files exported with Ultralytics' `nms=True`.
    if found is not None and not metadata.end2end and len(metadata.labels or ()) == columns - 4:
        raise ModelError(
            f"the output {output} may be boxes with confidence and class, or with a score for"
            f" each of {columns - 4} labels. If it is the former, set `end2end = true`, in a"
            " TOML file beside the model."
        )
    return found
