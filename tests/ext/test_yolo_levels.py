"""decode_yolo_levels against the reference: raw levels of a YOLOv8."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import Placement, Workspace, YoloLevels, decode_yolo_levels
from tests.ext.arrays import Outputs, assert_same, assert_sound, stretch, unchanged, zeros
from tests.ext.reference import Choice, detect
from tests.ext.reference_faces import yolo_levels

Array = NDArray[np.float32]
STRIDES = (8, 16, 32)


def random_levels(
    seed: int, width: int, height: int, share: float, classes: int = 1, landmark_step: int = 3
) -> list[Array]:
    """Levels in which about `share` of the cells see a face."""
    random = np.random.default_rng(seed)
    levels = []
    for stride in STRIDES:
        size = (-(-height // stride), -(-width // stride))
        level = random.normal(0, 2, (1, 64 + classes + 5 * landmark_step, *size))
        scores = random.normal(-9, 1, (classes, *size))
        hot = random.random(scores.shape) < share
        scores[hot] = random.uniform(-2, 3, int(hot.sum()))
        level[0, 64 : 64 + classes] = scores
        levels.append(level.astype(np.float32))
    return levels


def run(
    levels: list[Array],
    placement: Placement,
    choice: Choice,
    classes: int = 1,
    landmark_step: int = 3,
    strides: tuple[int, ...] = STRIDES,
) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    count = decode_yolo_levels(
        YoloLevels(levels, strides=strides, classes=classes, landmark_step=landmark_step),
        *outputs.arrays,
        outputs.landmarks if landmark_step else None,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    if landmark_step:
        assert np.isfinite(outputs.landmarks[:count]).all()
    return outputs, count


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(1, 3),
    landmark_step=st.sampled_from([0, 2, 3]),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.02, 0.5, 0.9]),
        iou_threshold=st.sampled_from([None, 0.0, 0.3, 0.7]),
        room=st.sampled_from([0, 1, 300]),
    ),
)
def test_random_levels_agree_with_the_reference(
    seed: int, classes: int, landmark_step: int, choice: Choice
) -> None:
    levels = random_levels(seed, 100, 96, 0.1, classes, landmark_step)
    placement = Placement(100, 96, 128, 96, 0.9, 0.9, 3.0, 7.5)
    outputs, count = run(levels, placement, choice, classes, landmark_step)
    expected = detect(yolo_levels(levels, STRIDES, classes, landmark_step), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, count, expected)


def test_8400_cells_agree_with_the_reference() -> None:
    # A seed for which no decision is too close to call.
    levels = random_levels(3, 640, 640, 0.01)
    placement, choice = stretch(640, 900, 1200), Choice(0.25, 0.7)
    outputs, count = run(levels, placement, choice)
    expected = detect(yolo_levels(levels, STRIDES, 1, 3), placement, choice)
    assert_same(outputs, count, expected)


def one_face(classes: int = 1) -> list[Array]:
    """A face in the last of two cells of one level of stride 16."""
    level = zeros(1, 64 + classes + 15, 1, 2)
    level[0, 64 : 64 + classes] = -20
    level[0, 64, 0, 1] = 20
    return [level]


def test_a_distance_is_the_mean_of_its_bins_and_starts_in_the_middle_of_a_cell() -> None:
    levels = one_face()
    for side, distance in enumerate((0, 1, 2, 15)):
        levels[0][0, 16 * side + distance, 0, 1] = 50
    levels[0][0, 65:67, 0, 1] = 0.25, 0.5
    placement = Placement(32, 16, 999, 999, 1.0, 1.0, -500.0, -500.0)
    outputs, count = run(levels, placement, Choice(0.5, room=1), strides=(16,))
    assert count == 1
    assert (outputs.boxes[0] - 500).tolist() == [24, 8 - 16, 24 + 32, 8 + 15 * 16]
    assert (outputs.landmarks[0, :4] - 500).tolist() == [16 + 8, 16, 16, 0]


def test_of_equal_classes_the_first_is_taken_once() -> None:
    levels = one_face(classes=3)
    levels[0][0, 64:67, 0, 1] = 1, 2, 2
    outputs, count = run(levels, unchanged(32), Choice(0.5), classes=3, strides=(16,))
    assert (count, outputs.class_ids[0]) == (1, 1)


@pytest.mark.parametrize(
    ("channel", "found"), [(0, 0), (64, 0), (65, 0), (66, 1), (67, 0), (69, 1)]
)
def test_a_nan_drops_the_face_unless_it_is_a_visibility(channel: int, found: int) -> None:
    levels = one_face(classes=1)
    levels[0][0, channel + (channel > 64), 0, 1] = np.nan
    assert run(levels, unchanged(32), Choice(0.5), strides=(16,))[1] == found


@settings(deadline=None)
@given(
    level=hnp.arrays(np.float32, (81, 1, 2), elements=st.floats(width=32)),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.0, 1e-30, 0.5, 1.0]),
        iou_threshold=st.sampled_from([None, 0.0, 0.5, 1.0]),
    ),
)
def test_broken_output_gives_no_nan_and_no_crash(level: Array, choice: Choice) -> None:
    placement = Placement(24, 16, 70, 50, 0.3, 0.3, 0.0, 1.0)
    run([level], placement, choice, classes=2, strides=(16,))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": 0}, "classes"),
        ({"classes": 2}, "level must be of shape"),
        ({"landmark_step": 1}, "landmarks"),
        ({"landmark_step": 2}, "level must be of shape"),
        ({"strides": [8, 16]}, "strides"),
    ],
)
def test_levels_that_do_not_fit_are_refused(changed: dict[str, object], message: str) -> None:
    valid = {"strides": [8], "classes": 1, "landmark_step": 3}
    with pytest.raises(ValueError, match=message):
        YoloLevels([zeros(1, 80, 2, 2)], **{**valid, **changed})  # type: ignore[arg-type]


def test_landmarks_that_the_levels_do_not_have_are_refused() -> None:
    outputs = Outputs.of(3)
    with pytest.raises(ValueError, match="no landmarks"):
        decode_yolo_levels(
            YoloLevels([zeros(1, 65, 2, 2)], strides=[8], classes=1),
            *outputs.arrays,
            outputs.landmarks,
            placement=unchanged(16),
            min_confidence=0.5,
            workspace=Workspace(),
        )
