"""Rows of jobs against those of a plain loop."""

from typing import Any

import numpy as np
import pytest

from tests.server.batch.plain_loop import TOLERANCE, PlainRow, differences

BOX = [1.0, 2.0, 30.0, 40.0]
FACE: dict[str, Any] = {
    "source": "a",
    "size": {"width": 64, "height": 48},
    "boxes": [BOX],
    "confidences": [0.75],
    "labels": ["face"],
    "error": None,
}
BAD: dict[str, Any] = {
    "source": "b",
    "size": None,
    "boxes": [],
    "confidences": [],
    "labels": [],
    "error": "EMPTY_IMAGE: the image has no bytes",
}
EXPECTED = {
    "a": PlainRow((64, 48), np.array([BOX], np.float32), np.array([0.75], np.float32), ("face",)),
    "b": PlainRow(error="EMPTY_IMAGE: the image has no bytes"),
}


def test_the_same_rows_in_any_order_do_not_differ() -> None:
    near = {**FACE, "boxes": [[*BOX[:3], BOX[3] + TOLERANCE / 2]]}
    for rows in ([FACE, BAD], [BAD, FACE], [BAD, near]):
        assert list(differences(EXPECTED, rows)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"boxes": [[*BOX[:3], BOX[3] + 2 * TOLERANCE]]},
        {"boxes": [[*BOX[:3], float("nan")]]},
        {"boxes": [BOX, BOX], "confidences": [0.75, 0.75], "labels": ["face", "face"]},
        {"boxes": [], "confidences": [], "labels": []},
        {"confidences": [0.8]},
        {"labels": ["mask"]},
        {"size": {"width": 48, "height": 64}},
        {"error": "INTERNAL: no"},
    ],
)
def test_a_row_that_is_another_one_differs(change: dict[str, Any]) -> None:
    (line,) = differences(EXPECTED, [{**FACE, **change}, BAD])
    assert line.startswith("a: PlainRow")


def test_photos_that_are_missing_unknown_or_there_twice_differ() -> None:
    assert list(differences(EXPECTED, [FACE])) == ["b: 0 rows"]
    assert list(differences(EXPECTED, [FACE, BAD, FACE])) == ["a: 2 rows"]
    assert list(differences(EXPECTED, [FACE, BAD, {**FACE, "source": "c"}])) == ["c: no photo"]
