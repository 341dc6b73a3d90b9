"""decode_atss against the reference: random heads, ties, broken output."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import AtssLevels, Placement, Workspace, decode_atss
from tests.ext.arrays import Outputs, assert_same, assert_sound, stretch, unchanged
from tests.ext.reference import Choice, detect
from tests.ext.reference_heads import AtssHead

Level = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
ANY = st.floats(width=32)


def random_levels(
    seed: int, strides: Sequence[int], side: int, classes: int, share: float
) -> list[Level]:
    """Levels in which about `share` of the locations have a high class logit."""
    random = np.random.default_rng(seed)
    levels = []
    for stride in strides:
        cells = -(-side // stride)
        shape = (1, classes, cells, cells)
        logits = random.normal(-9, 0.5, shape)
        hot = random.random(shape) < share
        logits[hot] = random.normal(1, 2, int(hot.sum()))
        deltas = random.normal(0, 1.5, (1, 4, cells, cells))
        centerness = random.normal(1, 1, (1, 1, cells, cells))
        levels.append(level(logits, deltas, centerness))
    return levels


def level(
    logits: NDArray[np.float64],
    deltas: NDArray[np.float64],
    center: NDArray[np.float64],
) -> Level:
    return logits.astype("f4"), deltas.astype("f4"), center.astype("f4")


def run(
    head: AtssHead, levels: list[Level], placement: Placement, choice: Choice
) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    bound = AtssLevels(
        levels,
        strides=head.strides,
        octave_base_scale=head.octave_base_scale,
        target_stds=head.target_stds,
        score_fusion=head.score_fusion,
    )
    count = decode_atss(
        bound,
        *outputs.arrays,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        candidates_per_level=choice.candidates_per_level,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    return outputs, count


CHOICES = st.builds(
    Choice,
    min_confidence=st.sampled_from([0.02, 0.3, 0.5, 0.9]),
    iou_threshold=st.sampled_from([None, 0.0, 0.3, 0.5, 1.0]),
    candidates_per_level=st.sampled_from([0, 1, 7]),
    room=st.sampled_from([0, 1, 10, 300]),
)


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(1, 3),
    fusion=st.sampled_from(["product", "geometric_mean"]),
    choice=CHOICES,
)
def test_random_heads_agree_with_the_reference(
    seed: int, classes: int, fusion: str, choice: Choice
) -> None:
    head = AtssHead((8, 16, 32), 8, (0.1, 0.1, 0.2, 0.2), fusion)
    levels = random_levels(seed, head.strides, 128, classes, 0.05)
    placement = stretch(128, 300, 200)
    outputs, count = run(head, levels, placement, choice)
    expected = detect(head.candidates(levels), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, count, expected)


def test_a_level_may_be_empty() -> None:
    head = AtssHead((8, 16))
    empty = level(np.zeros((1, 0, 0)), np.zeros((4, 0, 0)), np.zeros((1, 0, 0)))
    levels = [*random_levels(3, (8,), 64, 1, 0.05), empty]
    outputs, count = run(head, levels, unchanged(64), Choice(0.3))
    expected = detect(head.candidates(levels), unchanged(64), Choice(0.3))
    assert count > 0
    assert_same(outputs, count, expected)


def test_no_locations_give_no_detections() -> None:
    empty = level(np.zeros((1, 0, 5)), np.zeros((4, 0, 5)), np.zeros((1, 0, 5)))
    assert run(AtssHead((8,)), [empty], unchanged(8), Choice(0.0))[1] == 0


def test_a_confidence_of_zero_keeps_every_location() -> None:
    levels = random_levels(5, (8,), 64, 2, 0.1)
    levels[0][0].flat[:3] = -np.inf, -1000, -200
    levels[0][1][:] = 0
    assert run(AtssHead((8,)), levels, unchanged(64), Choice(0.0))[1] == 128


def test_a_confidence_of_one_keeps_what_saturates() -> None:
    levels = random_levels(5, (8,), 64, 1, 0.0)
    levels[0][0][0, 0, 2, 3] = np.inf
    levels[0][2][0, 0, 2, 3] = 100
    outputs, count = run(AtssHead((8,)), levels, unchanged(64), Choice(1.0))
    assert (count, outputs.confidences[0]) == (1, 1.0)


def test_of_equal_confidences_the_lower_level_then_class_then_location_wins() -> None:
    levels = random_levels(7, (16, 32), 64, 2, 0.0)
    for logits, deltas, centerness in levels:
        logits[:], deltas[:], centerness[:] = 2, 0, 2
    head = AtssHead((16, 32), octave_base_scale=1)
    outputs, count = run(head, levels, unchanged(64), Choice(0.1))
    starts = outputs.boxes[:count, :2].tolist()
    assert outputs.class_ids[:count].tolist() == ([0] * 16 + [1] * 16 + [0] * 4 + [1] * 4)
    first_row = [[0, 0], [8, 0], [24, 0], [40, 0], [0, 8]]
    assert starts[:5] == starts[16:21] == first_row
    assert starts[32:36] == starts[36:] == [[0, 0], [16, 0], [0, 16], [16, 16]]


def test_equal_confidences_at_the_edge_of_top_k_leave_the_first_locations() -> None:
    levels = random_levels(7, (16,), 64, 1, 0.0)
    for part, value in zip(levels[0], (2, 0, 2), strict=True):
        part[:] = value
    choice = Choice(0.1, candidates_per_level=3)
    outputs, count = run(AtssHead((16,), 1), levels, unchanged(64), choice)
    assert outputs.boxes[:count, :2].tolist() == [[0, 0], [8, 0], [24, 0]]


def test_a_one_pixel_image_gets_boxes_within_it() -> None:
    levels = random_levels(9, (8,), 64, 1, 0.2)
    assert run(AtssHead((8,)), levels, stretch(64, 1, 1), Choice(0.2))[1] > 0


@settings(deadline=None)
@given(
    logits=hnp.arrays(np.float32, (1, 2, 3, 4), elements=ANY),
    deltas=hnp.arrays(np.float32, (1, 4, 3, 4), elements=ANY),
    centerness=hnp.arrays(np.float32, (1, 1, 3, 4), elements=ANY),
    min_confidence=st.sampled_from([0.0, 1e-30, 0.5, 1.0]),
    iou_threshold=st.sampled_from([None, 0.0, 1e-38, 0.5, 1.0]),
)
def test_broken_output_gives_no_nan_and_no_crash(
    logits: NDArray[np.float32],
    deltas: NDArray[np.float32],
    centerness: NDArray[np.float32],
    min_confidence: float,
    iou_threshold: float | None,
) -> None:
    choice = Choice(min_confidence, iou_threshold)
    placement = stretch(32, 50, 70)
    levels = [(logits, deltas, centerness)]
    outputs, count = run(AtssHead((8,)), levels, placement, choice)
    assert (outputs.confidences[:count] >= np.float32(min_confidence)).all()


def test_200000_locations_agree_with_the_reference() -> None:
    head = AtssHead((2,))
    # A seed for which no decision is too close to call.
    levels = random_levels(1, head.strides, 896, 1, 0.001)
    assert levels[0][0].size == 448 * 448 > 200_000
    choice = Choice(0.02, 0.5)
    outputs, count = run(head, levels, stretch(896, 4000, 3000), choice)
    expected = detect(head.candidates(levels), stretch(896, 4000, 3000), choice)
    assert_same(outputs, count, expected)


@pytest.mark.parametrize("fusion", ["product", "geometric_mean"])
def test_34100_locations_agree_with_the_reference(fusion: str) -> None:
    head = AtssHead((4, 8, 16, 32, 64), score_fusion=fusion)
    # A seed for which no decision is too close to call.
    levels = random_levels(1, head.strides, 640, 1, 0.004)
    assert sum(part[0].size for part in levels) == 34_100
    choice = Choice(0.02, 0.5)
    outputs, count = run(head, levels, stretch(640, 1024, 700), choice)
    expected = detect(head.candidates(levels), stretch(640, 1024, 700), choice)
    assert_same(outputs, count, expected)
