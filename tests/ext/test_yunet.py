"""decode_yunet against the reference: boxes, landmarks, broken output."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import Placement, Workspace, YunetLevels, decode_yunet
from tests.ext.arrays import Outputs, assert_same, assert_sound, stretch, unchanged
from tests.ext.reference import Choice, detect
from tests.ext.reference_heads import yunet

Array = NDArray[np.float32]
Level = tuple[Array, Array, Array, Array]
STRIDES = (8, 16, 32)
ANY = st.floats(width=32)


def random_levels(seed: int, width: int, height: int, share: float) -> list[Level]:
    """Levels in which about `share` of the cells see a face."""
    random = np.random.default_rng(seed)
    levels = []
    for stride in STRIDES:
        cells = (width // stride) * (height // stride)
        scores = random.uniform(-0.1, 0.001, (1, cells, 1))
        hot = random.random(scores.shape) < share
        scores[hot] = random.uniform(0.2, 1.1, int(hot.sum()))
        objects = random.uniform(0.3, 1.1, (1, cells, 1))
        boxes = random.normal(0.5, 0.7, (1, cells, 4))
        points = random.normal(0.5, 1.0, (1, cells, 10))
        levels.append(level(scores, objects, boxes, points))
    return levels


def level(*parts: NDArray[np.float64]) -> Level:
    scores, objects, boxes, points = (part.astype(np.float32) for part in parts)
    return scores, objects, boxes, points


def run(
    levels: list[Level],
    placement: Placement,
    choice: Choice,
    strides: tuple[int, ...] = STRIDES,
) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    bound = YunetLevels(
        levels,
        strides=strides,
        input_width=placement.input_width,
        input_height=placement.input_height,
    )
    count = decode_yunet(
        bound,
        *outputs.arrays,
        outputs.landmarks,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        candidates_per_level=choice.candidates_per_level,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    assert np.isfinite(outputs.landmarks[:count]).all()
    return outputs, count


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.02, 0.5, 0.9]),
        iou_threshold=st.sampled_from([None, 0.0, 0.3, 0.45]),
        candidates_per_level=st.sampled_from([0, 1, 5]),
        room=st.sampled_from([0, 1, 300]),
    ),
)
def test_random_heads_agree_with_the_reference(seed: int, choice: Choice) -> None:
    levels = random_levels(seed, 128, 96, 0.1)
    placement = Placement(128, 96, 128, 96, 0.9, 0.9, 3.0, 7.5)
    outputs, count = run(levels, placement, choice)
    expected = detect(yunet(levels, STRIDES, 128), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, count, expected)


def test_8400_locations_agree_with_the_reference() -> None:
    # A seed for which no decision is too close to call.
    levels = random_levels(4, 640, 640, 0.02)
    assert sum(part[0].size for part in levels) == 8_400
    placement, choice = stretch(640, 900, 1200), Choice(0.3, 0.45)
    outputs, count = run(levels, placement, choice)
    expected = detect(yunet(levels, STRIDES, 640), placement, choice)
    assert_same(outputs, count, expected)


def test_a_confidence_of_zero_keeps_every_location() -> None:
    levels = random_levels(1, 64, 64, 0.1)
    for _, _, boxes, _ in levels:
        boxes[:] = 0.5
    assert run(levels, unchanged(64), Choice(0.0))[1] == 64 + 16 + 4


def one_face() -> list[Level]:
    """A face in the first cell of one level of stride 32; its eyes are apart."""
    points = [0.2, 0.2, 0.8, 0.2, 0.5, 0.5, 0.3, 0.8, 0.7, 0.8]
    return [
        level(
            np.ones((1, 1)),
            np.ones((1, 1)),
            np.array([[0.5, 0.5, 0.0, 0.0]]),
            np.array([points]),
        )
    ]


def test_landmarks_are_in_the_order_of_the_head() -> None:
    outputs, count = run(one_face(), unchanged(32), Choice(0.5, room=1), (32,))
    assert count == 1
    right_eye, left_eye = outputs.landmarks[0, :2], outputs.landmarks[0, 2:4]
    np.testing.assert_allclose(right_eye, [0.2 * 32, 0.2 * 32], rtol=1e-5)
    np.testing.assert_allclose(left_eye, [0.8 * 32, 0.2 * 32], rtol=1e-5)


def test_landmarks_may_be_outside_the_image() -> None:
    levels = one_face()
    levels[0][3][0, :2] = -4.0, np.inf
    outputs, count = run(levels, unchanged(32), Choice(0.5, room=1), (32,))
    assert (count, outputs.landmarks[0, :2].tolist()) == (1, [-128.0, 2.0**20])


def test_a_nan_among_the_landmarks_drops_the_face() -> None:
    levels = one_face()
    levels[0][3][0, 9] = np.nan
    assert run(levels, unchanged(32), Choice(0.0), (32,))[1] == 0


@settings(deadline=None)
@given(
    scores=hnp.arrays(np.float32, (6, 1), elements=ANY),
    objects=hnp.arrays(np.float32, (6, 1), elements=ANY),
    boxes=hnp.arrays(np.float32, (6, 4), elements=ANY),
    points=hnp.arrays(np.float32, (6, 10), elements=ANY),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.0, 1e-30, 0.5, 1.0]),
        iou_threshold=st.sampled_from([None, 0.0, 0.5, 1.0]),
    ),
)
def test_broken_output_gives_no_nan_and_no_crash(
    scores: Array, objects: Array, boxes: Array, points: Array, choice: Choice
) -> None:
    placement = Placement(24, 16, 70, 50, 0.3, 0.3, 0.0, 1.0)
    outputs, count = run([(scores, objects, boxes, points)], placement, choice, (8,))
    assert (outputs.confidences[:count] <= 1).all()
