"""decode_anchors against the reference: SCRFD and RetinaFace, with and without landmarks."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import AnchorLevels, Placement, Workspace, decode_anchors
from tests.ext.arrays import Outputs, assert_same, assert_sound, stretch, unchanged, zeros
from tests.ext.reference import Choice, detect
from tests.ext.reference_faces import AnchorHead

Array = NDArray[np.float32]
ANY = st.floats(width=32)
SIDES = ((16, 32), (64, 128), (256, 512))


def scrfd(width: int, height: int, anchors: int = 2, levels: int = 3) -> AnchorHead:
    return AnchorHead([8 << index for index in range(levels)], (width, height), anchors)


def retinaface(width: int, height: int) -> AnchorHead:
    return AnchorHead([8, 16, 32], (width, height), 2, SIDES)


def random_levels(
    head: AnchorHead, seed: int, share: float, landmarks: bool = True
) -> list[list[Array]]:
    """Levels in which about `share` of the anchors see a face."""
    random = np.random.default_rng(seed)
    levels = []
    for stride in head.strides:
        count = np.prod([-(-side // stride) for side in head.input_size]) * head.anchors
        faces = random.uniform(0, 0.001, (1, count, 1))
        hot = random.random(faces.shape) < share
        faces[hot] = random.uniform(0.2, 1.0, int(hot.sum()))
        scores = faces if head.sides is None else np.concatenate([1 - faces, faces], axis=2)
        spread = (1.0, 0.8) if head.sides is None else (0.0, 2.0)
        parts = [scores, random.normal(*spread, (1, count, 4))]
        if landmarks:
            parts.append(random.normal(*spread, (1, count, 10)))
        levels.append([part.astype(np.float32) for part in parts])
    return levels


def run(
    head: AnchorHead, levels: list[list[Array]], placement: Placement, choice: Choice
) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    bound = AnchorLevels(
        levels,
        strides=head.strides,
        input_width=head.input_size[0],
        input_height=head.input_size[1],
        anchors=head.anchors,
        sides=head.sides,
    )
    count = decode_anchors(
        bound,
        *outputs.arrays,
        outputs.landmarks if bound.has_landmarks else None,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    if bound.has_landmarks:
        assert np.isfinite(outputs.landmarks[:count]).all()
    return outputs, count


@settings(deadline=None)
@given(
    head=st.sampled_from(
        [
            scrfd(128, 96),
            scrfd(128, 96, anchors=1, levels=5),
            scrfd(100, 52, anchors=3),
            retinaface(128, 96),
            retinaface(100, 52),
        ]
    ),
    seed=st.integers(0, 2**32 - 1),
    landmarks=st.booleans(),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.02, 0.5, 0.9]),
        iou_threshold=st.sampled_from([None, 0.0, 0.3, 0.4]),
        room=st.sampled_from([0, 1, 300]),
    ),
)
def test_random_heads_agree_with_the_reference(
    head: AnchorHead, seed: int, landmarks: bool, choice: Choice
) -> None:
    levels = random_levels(head, seed, 0.1, landmarks)
    placement = Placement(*head.input_size, 128, 96, 0.9, 0.9, 3.0, 7.5)
    outputs, count = run(head, levels, placement, choice)
    expected = detect(head.candidates(levels), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, count, expected)


@pytest.mark.parametrize(("head", "seed"), [(scrfd(640, 640), 2), (retinaface(640, 640), 6)])
def test_16800_anchors_agree_with_the_reference(head: AnchorHead, seed: int) -> None:
    # Seeds for which no decision is too close to call.
    levels = random_levels(head, seed, 0.01)
    assert sum(boxes.size // 4 for _, boxes, _ in levels) == 16_800
    placement, choice = stretch(640, 900, 1200), Choice(0.3, 0.4)
    outputs, count = run(head, levels, placement, choice)
    assert_same(outputs, count, detect(head.candidates(levels), placement, choice))


def one_face(head: AnchorHead) -> list[list[Array]]:
    """A face seen by the last anchor of the last cell of the only level."""
    levels = random_levels(head, 0, 0.0)
    for array in levels[0]:
        array[:] = 0
    levels[0][0][0, -1, -1] = 1
    return levels


def test_a_distance_is_measured_in_strides_from_the_corner_of_the_cell() -> None:
    head = AnchorHead([16], (48, 32), 2)
    levels = one_face(head)
    levels[0][1][0, -1] = 0.5, 0.25, 1, 2
    levels[0][2][0, -1] = np.arange(10) / 8
    outputs, count = run(head, levels, Placement(48, 32, 99, 99, 1, 1, 0, 0), Choice(0.5))
    assert count == 1
    assert outputs.boxes[0].tolist() == [32 - 8, 16 - 4, 32 + 16, 16 + 32]
    assert outputs.landmarks[0, :4].tolist() == [32, 16 + 2, 32 + 4, 16 + 6]


def test_without_offsets_a_box_is_its_prior() -> None:
    head = AnchorHead([16], (48, 32), 2, [[16, 24]])
    outputs, count = run(head, one_face(head), Placement(48, 32, 99, 99, 1, 1, 0, 0), Choice(0.5))
    assert count == 1
    assert outputs.boxes[0].tolist() == [40 - 12, 24 - 12, 40 + 12, 24 + 12]
    assert outputs.landmarks[0].tolist() == [40, 24] * 5


@pytest.mark.parametrize("head", [scrfd(64, 64), retinaface(64, 64)])
def test_a_nan_among_the_landmarks_drops_the_face(head: AnchorHead) -> None:
    levels = random_levels(head, 3, 1.0)
    for _, _, points in levels:
        points[0, :, 9] = np.nan
    assert run(head, levels, unchanged(64), Choice(0.0))[1] == 0


@settings(deadline=None)
@given(
    scores=hnp.arrays(np.float32, 12, elements=ANY),
    boxes=hnp.arrays(np.float32, (12, 4), elements=ANY),
    points=hnp.arrays(np.float32, (12, 10), elements=ANY),
    sides=st.sampled_from([None, [[16, 1e9]]]),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.0, 1e-30, 0.5, 1.0]),
        iou_threshold=st.sampled_from([None, 0.0, 0.5, 1.0]),
    ),
)
def test_broken_output_gives_no_nan_and_no_crash(
    scores: Array, boxes: Array, points: Array, sides: list[list[float]] | None, choice: Choice
) -> None:
    head = AnchorHead([8], (24, 16), 2, sides)
    columns = np.stack([scores, scores], axis=1)[:, : 1 if sides is None else 2].copy()
    placement = Placement(24, 16, 70, 50, 0.3, 0.3, 0.0, 1.0)
    run(head, [[columns, boxes, points]], placement, choice)


@pytest.mark.parametrize(
    ("levels", "changed", "message"),
    [
        ([(zeros(8, 1), zeros(8, 4))], {"anchors": 0}, "anchors"),
        ([(zeros(8, 1), zeros(8, 4))], {"anchors": 9}, "anchors"),
        ([(zeros(8, 1), zeros(8, 4))] * 9, {"strides": [8] * 9}, "levels"),
        ([(zeros(8, 1), zeros(8, 4))], {"strides": [8.5]}, "whole"),
        ([(zeros(8, 1), zeros(8, 4))], {"input_width": 0}, "input"),
        ([(zeros(7, 1), zeros(8, 4))], {}, "scores"),
        ([(zeros(8, 2), zeros(8, 4))], {}, "scores"),
        ([(zeros(8, 1), zeros(7, 4))], {}, "boxes"),
        ([(zeros(8, 1), zeros(8, 4), zeros(8, 9))], {}, "landmarks"),
        ([(zeros(8, 1), zeros(8, 4))], {"sides": [[1, 2]]}, "scores"),
        ([(zeros(8, 2), zeros(8, 4))], {"sides": [[1]]}, "sides"),
        ([(zeros(8, 2), zeros(8, 4))], {"sides": [[1, 0]]}, "sides"),
        ([(zeros(8, 2), zeros(8, 4))], {"sides": [[1, np.inf]]}, "sides"),
        (
            [(zeros(8, 1), zeros(8, 4)), (zeros(8, 1), zeros(8, 4), zeros(8, 10))],
            {"strides": [8, 8]},
            "all levels",
        ),
    ],
)
def test_levels_that_do_not_fit_are_refused(
    levels: list[tuple[Array, ...]], changed: dict[str, object], message: str
) -> None:
    valid = {"strides": [8], "input_width": 16, "input_height": 16, "anchors": 2}
    with pytest.raises(ValueError, match=message):
        AnchorLevels(levels, **{**valid, **changed})  # type: ignore[arg-type]


def test_landmarks_that_the_head_does_not_have_are_refused() -> None:
    bound = AnchorLevels(
        [(zeros(8, 1), zeros(8, 4))], strides=[8], input_width=16, input_height=16, anchors=2
    )
    outputs = Outputs.of(3)
    with pytest.raises(ValueError, match="no landmarks"):
        decode_anchors(
            bound,
            *outputs.arrays,
            outputs.landmarks,
            placement=unchanged(16),
            min_confidence=0.5,
            workspace=Workspace(),
        )
