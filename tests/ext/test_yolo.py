"""decode_yolo against the reference: every version's columns, by rows and transposed."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from facewire_ext import Placement, Workspace, YoloRows, decode_yolo
from tests.ext.arrays import Outputs, assert_same, assert_sound, stretch, unchanged, zeros
from tests.ext.reference import Choice, detect
from tests.ext.reference_faces import YoloColumns

Array = NDArray[np.float32]

VERSIONS = {
    "v8": YoloColumns(),
    "v8, classes": YoloColumns(classes=3),
    "v8-face": YoloColumns(landmarks=5, landmark_step=3),
    "v8, two values, classes": YoloColumns(classes=2, landmarks=6),
    "v5": YoloColumns(scores=5, classes=2, objectness=4),
    "v5-face": YoloColumns(scores=15, objectness=4, landmarks=5),
    "v7-face": YoloColumns(scores=5, objectness=4, landmarks=6, landmark_step=3),
    "suppressed": YoloColumns(class_column=5, corners=True),
    "suppressed, landmarks": YoloColumns(class_column=5, landmarks=6, corners=True),
}


def random_table(columns: YoloColumns, seed: int, rows: int, share: float, side: int) -> Array:
    """Rows of which about `share` see a face."""
    random = np.random.default_rng(seed)
    table = random.uniform(0, side, (rows, columns.count))
    table[:, 2:4] = random.uniform(4, side / 3, (rows, 2))
    if columns.corners:
        table[:, 2:4] += table[:, :2]
    scores = random.uniform(0, 0.001, (rows, columns.classes))
    hot = random.random(scores.shape) < share
    scores[hot] = random.uniform(0.2, 1, int(hot.sum()))
    table[:, columns.scores : columns.scores + columns.classes] = scores
    if columns.objectness is not None:
        table[:, columns.objectness] = random.uniform(0.5, 1, rows)
    if columns.class_column is not None:
        table[:, columns.class_column] = random.integers(0, 3, rows)
    return table.astype(np.float32)


def bind(table: Array, columns: YoloColumns, transposed: bool) -> YoloRows:
    def number(column: int | None) -> int:
        return -1 if column is None else column

    return YoloRows(
        np.ascontiguousarray(table.T)[None] if transposed else table[None],
        transposed=transposed,
        scores=columns.scores,
        classes=columns.classes,
        objectness=number(columns.objectness),
        class_column=number(columns.class_column),
        landmarks=number(columns.landmarks),
        landmark_step=columns.landmark_step,
        corners=columns.corners,
    )


def run(
    table: Array,
    columns: YoloColumns,
    placement: Placement,
    choice: Choice,
    transposed: bool = False,
) -> tuple[Outputs, int]:
    outputs = Outputs.of(choice.room)
    count = decode_yolo(
        bind(table, columns, transposed),
        *outputs.arrays,
        None if columns.landmarks is None else outputs.landmarks,
        placement=placement,
        min_confidence=choice.min_confidence,
        iou_threshold=choice.iou_threshold,
        workspace=Workspace(),
    )
    assert_sound(outputs, count, placement)
    return outputs, count


@settings(deadline=None)
@given(
    version=st.sampled_from(sorted(VERSIONS)),
    transposed=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.02, 0.5, 0.9]),
        iou_threshold=st.sampled_from([None, 0.0, 0.3, 0.7]),
        room=st.sampled_from([0, 1, 300]),
    ),
)
def test_random_rows_agree_with_the_reference(
    version: str, transposed: bool, seed: int, choice: Choice
) -> None:
    columns = VERSIONS[version]
    table = random_table(columns, seed, 250, 0.1, 128)
    placement = Placement(128, 96, 128, 96, 0.9, 0.9, 3.0, 7.5)
    outputs, count = run(table, columns, placement, choice, transposed)
    expected = detect(columns.candidates(table), placement, choice)
    assume(expected.margin > 1)
    assert_same(outputs, count, expected)


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(
    ("version", "rows", "seed"), [("v5-face", 25_200, 1), ("v8-face", 8_400, 2)]
)
def test_whole_outputs_agree_with_the_reference(
    version: str, rows: int, seed: int, transposed: bool
) -> None:
    # Seeds for which no decision is too close to call.
    table = random_table(VERSIONS[version], seed, rows, 0.002, 640)
    placement, choice = stretch(640, 900, 1200), Choice(0.3, 0.5)
    outputs, count = run(table, VERSIONS[version], placement, choice, transposed)
    expected = detect(VERSIONS[version].candidates(table), placement, choice)
    assert_same(outputs, count, expected)


def one_row(columns: YoloColumns) -> Array:
    """A box of 20 x 10 about (32, 16), certainly a face."""
    table = np.zeros((1, columns.count), np.float32)
    table[0, :4] = (22, 11, 42, 21) if columns.corners else (32, 16, 20, 10)
    table[0, columns.scores] = 1
    if columns.objectness is not None:
        table[0, columns.objectness] = 1
    return table


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_a_box_has_its_corners_and_its_landmarks(version: str) -> None:
    columns = VERSIONS[version]
    table = one_row(columns)
    if columns.landmarks is not None:
        places = columns.landmarks + columns.landmark_step * np.arange(5)
        table[0, places], table[0, places + 1] = np.arange(5), np.arange(5) + 10
    outputs, count = run(table, columns, unchanged(64), Choice(0.5, room=1))
    assert count == 1
    assert outputs.boxes[0].tolist() == [22, 11, 42, 21]
    if columns.landmarks is not None:
        assert outputs.landmarks[0].tolist() == [0, 10, 1, 11, 2, 12, 3, 13, 4, 14]


def test_objectness_and_class_must_both_reach_the_confidence_together() -> None:
    columns = VERSIONS["v5-face"]
    for objectness, score, found in ((0.7, 0.7, 0), (0.5, 1, 1), (1, 0.5, 1), (0.49, 1, 0)):
        table = one_row(columns)
        table[0, 4], table[0, columns.scores] = objectness, score
        assert run(table, columns, unchanged(64), Choice(0.5))[1] == found


def test_of_equal_classes_the_first_is_taken_once() -> None:
    columns = VERSIONS["v8, classes"]
    table = one_row(columns)
    table[0, 4:7] = 0.25, 0.75, 0.75
    for transposed in (True, False):
        outputs, count = run(table, columns, unchanged(64), Choice(0.5), transposed)
        assert (count, outputs.class_ids[0]) == (1, 1)


@pytest.mark.parametrize(
    ("label", "found"), [(-1, []), (np.nan, []), (2, [2]), (1e30, [2**31 - 1])]
)
def test_a_class_in_a_column_is_a_whole_number_from_0(label: float, found: list[int]) -> None:
    columns = VERSIONS["suppressed"]
    table = one_row(columns)
    table[0, 5] = label
    outputs, count = run(table, columns, unchanged(64), Choice(0.5))
    assert outputs.class_ids[:count].tolist() == found


@pytest.mark.parametrize(("place", "found"), [(0, 0), (4, 0), (5, 0), (18, 0), (7, 1), (19, 1)])
def test_a_nan_drops_the_face_unless_it_is_a_visibility(place: int, found: int) -> None:
    columns = VERSIONS["v8-face"]
    table = one_row(columns)
    table[0, place] = np.nan
    for transposed in (True, False):
        assert run(table, columns, unchanged(64), Choice(0.0), transposed)[1] == found


@settings(deadline=None)
@given(
    version=st.sampled_from(sorted(VERSIONS)),
    transposed=st.booleans(),
    table=hnp.arrays(np.float32, (7, 21), elements=st.floats(width=32)),
    rows=st.integers(0, 7),
    choice=st.builds(
        Choice,
        min_confidence=st.sampled_from([0.0, 1e-30, 0.5, 1.0]),
        iou_threshold=st.sampled_from([None, 0.0, 0.5, 1.0]),
    ),
)
def test_broken_output_gives_no_nan_and_no_crash(
    version: str, transposed: bool, table: Array, rows: int, choice: Choice
) -> None:
    placement = Placement(24, 16, 70, 50, 0.3, 0.3, 0.0, 1.0)
    outputs, count = run(table[:rows].copy(), VERSIONS[version], placement, choice, transposed)
    if VERSIONS[version].landmarks is not None:
        assert np.isfinite(outputs.landmarks[:count]).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"scores": 6}, "columns"),
        ({"scores": 5, "classes": 2}, "columns"),
        ({"scores": 4, "objectness": 6}, "columns"),
        ({"scores": 4, "class_column": 6}, "columns"),
        ({"scores": 4, "landmarks": 0, "landmark_step": 2}, "columns"),
        ({"scores": 4, "landmarks": 0, "landmark_step": 2**31 - 1}, "columns"),
        ({"scores": 2**31 - 1, "classes": 2**31 - 1}, "columns"),
        ({"scores": 0}, "columns"),
        ({"scores": 4, "classes": 0}, "columns"),
        ({"scores": 4, "landmark_step": 1}, "columns"),
    ],
)
def test_columns_outside_the_table_are_refused(columns: dict[str, int], message: str) -> None:
    for table, transposed in ((zeros(1, 9, 6), False), (zeros(6, 9), True)):
        with pytest.raises(ValueError, match=message):
            YoloRows(table, transposed=transposed, **columns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "table", [zeros(6), zeros(2, 9, 6), np.zeros((9, 6)), zeros(9, 12)[:, ::2]]
)
def test_a_table_of_another_kind_is_refused(table: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match="table"):
        YoloRows(table, transposed=False, scores=4)


def test_landmarks_that_the_rows_do_not_have_are_refused() -> None:
    outputs = Outputs.of(3)
    with pytest.raises(ValueError, match="no landmarks"):
        decode_yolo(
            bind(one_row(VERSIONS["v8"]), VERSIONS["v8"], False),
            *outputs.arrays,
            outputs.landmarks,
            placement=unchanged(64),
            min_confidence=0.5,
            workspace=Workspace(),
        )
