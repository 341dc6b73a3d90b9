"""Boxes that are compared, and photos of every size."""

import pytest

from benchmarks.harness.images import DLIB, iou, photos


def test_intersection_over_union_is_that_of_areas() -> None:
    assert iou((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert iou((0, 0, 2, 2), (1, 0, 3, 2)) == 1 / 3
    assert iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert iou((1, 1, 1, 1), (1, 1, 1, 1)) == 0


@pytest.mark.skipif(not DLIB.is_dir(), reason="needs the shared photos")
def test_enlarged_photos_are_larger_files_of_the_same_names() -> None:
    small, large = photos("small"), photos("1080p")
    assert list(small) == list(large)
    assert all(len(large[name]) > len(small[name]) for name in small)
