"""SCRFD and RetinaFace are recognised by the shapes of their outputs."""

import numpy as np
import pytest

from facewire_ext import Placement
from facewire_server.errors import ModelError
from facewire_server.image.target import ResizeMode
from facewire_server.inference.heads import Output, recognise
from facewire_server.inference.heads.base import FilterOptions
from facewire_server.inference.heads.retinaface import RetinafaceHead
from facewire_server.inference.heads.scrfd import ScrfdHead
from facewire_server.models.metadata import Metadata

SQUARE = (64, 64)
CELLS = 64 + 16 + 4
NUMBERS = iter(range(448, 10_000))


def floats(*shape: int) -> Output:
    """An output that is called by a number, as PyTorch's exporter does."""
    return Output((str(next(NUMBERS)),), shape, False)


def scrfd(
    leading: tuple[int, ...] = (), levels: int = 3, landmarks: bool = True, anchors: int = 2
) -> list[Output]:
    kinds = (1, 4, 10) if landmarks else (1, 4)
    strides = [8 << level for level in range(levels)]
    return [
        floats(*leading, anchors * (-(-64 // stride)) ** 2, columns)
        for columns in kinds
        for stride in strides
    ]


@pytest.mark.parametrize("leading", [(), (1,)])
@pytest.mark.parametrize("landmarks", [True, False])
@pytest.mark.parametrize(("levels", "anchors"), [(3, 2), (5, 1), (3, 1)])
def test_levels_of_scores_boxes_and_landmarks_are_scrfd(
    leading: tuple[int, ...], landmarks: bool, levels: int, anchors: int
) -> None:
    outputs = scrfd(leading, levels, landmarks, anchors)
    head = recognise(outputs, SQUARE, Metadata())
    assert isinstance(head, ScrfdHead)
    assert (head.strides, head.anchors) == (tuple(8 << n for n in range(levels)), anchors)
    assert head.positions == tuple(range(len(outputs)))
    assert head.landmarks is landmarks


def test_the_levels_of_scrfd_may_come_in_any_order() -> None:
    outputs = scrfd()
    head = recognise(outputs[::-1], SQUARE, Metadata())
    assert head.positions == tuple(range(8, -1, -1))


def test_an_image_is_treated_as_insightface_does_unless_metadata_say_otherwise() -> None:
    head = recognise(scrfd(), SQUARE, Metadata())
    assert (head.rgb, head.mean, head.scale) == (True, (127.5,), (128.0,))
    assert (head.resize, head.pad_value) == (ResizeMode.FIT_TO_WINDOW, 0)
    assert (head.min_confidence, head.iou_threshold) == (0.5, 0.4)
    own = Metadata(reverse_input_channels=False, mean=(0.0,), scale=(1.0,), iou_threshold=0.1)
    head = recognise(scrfd(), SQUARE, own)
    assert (head.rgb, head.mean, head.scale, head.iou_threshold) == (False, (0.0,), (1.0,), 0.1)


def test_open_rows_of_scrfd_are_checked_when_they_are_there() -> None:
    outputs = [floats(-1, output.shape[1]) for output in scrfd()]
    head = recognise(outputs, SQUARE, Metadata())
    arrays = [np.zeros(output.shape, np.float32) for output in scrfd()]
    head.bind(arrays)
    with pytest.raises(ModelError, match="scores must be of shape"):
        head.bind([arrays[1], *arrays[1:]])


def retinaface(rows: int = 2 * CELLS) -> list[Output]:
    return [floats(1, rows, columns) for columns in (4, 2, 10)]


def test_offsets_from_priors_are_retinaface() -> None:
    head = recognise(retinaface(), SQUARE, Metadata())
    assert isinstance(head, RetinafaceHead)
    assert head.positions == (1, 0, 2)
    assert head.landmarks
    assert (head.rgb, head.mean, head.scale) == (False, (104.0, 117.0, 123.0), None)
    assert (head.min_confidence, head.iou_threshold) == (0.6, 0.4)


def test_the_priors_of_retinaface_are_two_squares_in_each_cell() -> None:
    head = recognise(retinaface(), SQUARE, Metadata())
    arrays = [np.zeros((1, 2 * CELLS, columns), np.float32) for columns in (2, 4, 10)]
    arrays[0][..., 1] = 1
    # The input is a part of a large image, so that no prior is clipped.
    placement = Placement(*SQUARE, 2048, 2048, 1.0, 1.0, -1000.0, -1000.0)
    found = head.bind(arrays).read(placement, FilterOptions(0.5, None, 1000))
    sides, counts = np.unique(found.boxes[:, 2:] - found.boxes[:, :2], return_counts=True)
    numbers = [64, 64, 16, 16, 4, 4]
    assert sides.tolist() == [16, 32, 64, 128, 256, 512]
    assert counts.tolist() == [2 * number for number in numbers]
    assert found.boxes[:2].tolist() == [[996, 996, 1012, 1012], [988, 988, 1020, 1020]]


def test_open_rows_of_retinaface_are_checked_when_they_are_there() -> None:
    head = recognise(retinaface(-1), SQUARE, Metadata())
    for rows in (2 * CELLS - 1, 2 * CELLS + 1):
        with pytest.raises(ModelError, match=f"has {2 * CELLS} priors"):
            head.bind([np.zeros((1, rows, columns), np.float32) for columns in (2, 4, 10)])


@pytest.mark.parametrize(
    ("outputs", "metadata"),
    [
        (scrfd()[:-1], Metadata()),
        (scrfd()[1:], Metadata()),
        ([*scrfd(), floats(1, 7)], Metadata()),
        ([floats(32, 1), *scrfd()[1:]], Metadata()),
        ([*scrfd()[:-1], floats(9, 10)], Metadata()),
        ([floats(-1, 1), *scrfd()[1:]], Metadata()),
        (scrfd(anchors=2), Metadata(strides=(4, 8, 16))),
        (retinaface(2 * CELLS - 1), Metadata()),
        ([*retinaface()[:2], floats(1, 7, 10)], Metadata()),
        (retinaface()[:2], Metadata()),
    ],
)
def test_outputs_of_other_sizes_are_refused_with_the_known_heads(
    outputs: list[Output], metadata: Metadata
) -> None:
    with pytest.raises(ModelError, match="fit no known head") as caught:
        recognise(outputs, SQUARE, metadata)
    assert all(head.title in str(caught.value) for head in (ScrfdHead, RetinafaceHead))
