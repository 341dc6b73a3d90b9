"""Tiles: where they lie, how many there may be, and how what they found is merged."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from facewire_server.errors import Reason, RequestError
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture, PixelLayout
from facewire_server.inference.heads.base import Found
from facewire_server.inference.tiles import MAX_MERGED, Grid, Tile, TileLimits, merge, move

GRID = Grid(
    width=40,
    height=30,
    overlap=0.2,
    is_trained=False,
    full_image=True,
    iou_threshold=0.5,
    max_detections=100,
)

sides = st.integers(1, 120)
grids = st.builds(
    Grid,
    width=st.integers(5, 70),
    height=st.integers(5, 70),
    overlap=st.floats(0, 0.8),
    is_trained=st.booleans(),
    full_image=st.booleans(),
    iou_threshold=st.just(0.5),
    max_detections=st.just(100),
)


def picture(width: int, height: int) -> Picture:
    return Picture(np.zeros((height, width, 3), np.uint8), PixelLayout.BGR)


def video(width: int, height: int) -> Picture:
    chroma = np.zeros((height // 2, width // 2), np.uint8)
    return Picture(np.zeros((height, width), np.uint8), PixelLayout.NV12, chroma=(chroma, chroma))


@settings(deadline=None)
@given(grids, sides, sides)
def test_tiles_cover_every_pixel_and_stay_inside(grid: Grid, width: int, height: int) -> None:
    tiles = grid.tiles(picture(width, height))
    assert len(tiles) == grid.count(width, height)
    covered = np.zeros((height, width), bool)
    for left, top, tile_width, tile_height in tiles[len(tiles) > 1 and grid.full_image :]:
        assert 0 <= left < left + tile_width <= width
        assert 0 <= top < top + tile_height <= height
        assert tile_width <= grid.width
        assert tile_height <= grid.height
        covered[top : top + tile_height, left : left + tile_width] = True
    assert covered.all()


@settings(deadline=None)
@given(grids, sides, sides)
def test_neighbours_share_the_overlap(grid: Grid, width: int, height: int) -> None:
    tiles = replace(grid, full_image=False).tiles(picture(width, height))
    lefts = sorted({tile.left for tile in tiles})
    least = int(grid.width * grid.overlap)
    for one, other in pairwise(lefts):
        assert min(one + grid.width, width) - other >= min(least, width - other)


@settings(deadline=None)
@given(grids, sides, sides)
def test_a_model_that_knows_no_tiles_sees_none_that_are_smaller(
    grid: Grid, width: int, height: int
) -> None:
    tiles = replace(grid, is_trained=False, full_image=False).tiles(picture(width, height))
    sizes = {(tile.width, tile.height) for tile in tiles}
    assert sizes == {(min(grid.width, width), min(grid.height, height))}


@settings(deadline=None)
@given(grids, st.integers(1, 60), st.integers(1, 60))
def test_tiles_of_video_begin_and_end_between_chroma_samples(
    grid: Grid, half_width: int, half_height: int
) -> None:
    frame = video(2 * half_width, 2 * half_height)
    for tile in grid.tiles(frame):
        assert all(number % 2 == 0 for number in tile)
        frame.crop(*tile)


def test_the_whole_picture_is_the_first_tile_unless_it_is_the_only_one() -> None:
    assert GRID.tiles(picture(60, 30)) == [
        Tile(0, 0, 60, 30),
        Tile(0, 0, 40, 30),
        Tile(20, 0, 40, 30),
    ]
    assert GRID.tiles(picture(40, 30)) == [Tile(0, 0, 40, 30)]


def test_a_model_trained_on_tiles_gets_them_as_model_api_cuts_them() -> None:
    grid = replace(GRID, width=40, height=40, is_trained=True, full_image=False)
    assert grid.tiles(picture(70, 33)) == [
        Tile(0, 0, 40, 33),
        Tile(0, 32, 40, 1),
        Tile(32, 0, 38, 33),
        Tile(32, 32, 38, 1),
        Tile(64, 0, 6, 33),
        Tile(64, 32, 6, 1),
    ]


def test_more_tiles_than_the_limit_are_an_image_too_large() -> None:
    limits = ImageLimits(1_000_000, tiles=3)
    TileLimits.of(limits, GRID).check(60, 30)
    TileLimits.of(limits, GRID).check(30, 60)  # as stored: it may have to be rotated
    with pytest.raises(RequestError, match=r"100 x 30 .* 4 tiles of 40 x 30, .* limit is 3") as e:
        TileLimits.of(limits, GRID).check(100, 30)
    assert e.value.reason is Reason.IMAGE_TOO_LARGE
    with pytest.raises(RequestError, match="1000000 pixels in all"):
        TileLimits.of(limits, GRID).check(100_000, 30)


def found(rng: np.random.Generator, count: int) -> Found:
    corners = rng.uniform(0, 60, (count, 2))
    boxes = np.hstack([corners, corners + rng.uniform(5, 40, (count, 2))])
    return Found(
        boxes.astype(np.float32),
        (rng.permutation(count) / max(1, count)).astype(np.float32),
        rng.integers(0, 2, count, dtype=np.int32),
        rng.uniform(0, 60, (count, 10)).astype(np.float32),
    )


def iou(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    inter = sides.clip(0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return np.asarray(inter / (areas - inter))


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 99), st.integers(1, 40))
def test_merging_is_greedy_suppression_within_each_class(
    counts: list[int], seed: int, limit: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = [found(rng, count) for count in counts]
    boxes = np.vstack([part.boxes for part in parts]).astype(float)
    classes = np.hstack([part.class_ids for part in parts])
    confidences = np.hstack([part.confidences for part in parts])
    landmarks = np.vstack([part.landmarks for part in parts if part.landmarks is not None])
    kept: list[int] = []
    for index in np.argsort(-confidences, kind="stable"):
        rivals = [each for each in kept if classes[each] == classes[index]]
        if not rivals or iou(boxes[index], boxes[rivals]).max() <= 0.3:
            kept.append(int(index))
    kept = kept[:limit]
    merged = merge(parts, 0.3, limit)
    np.testing.assert_array_equal(merged.boxes, boxes[kept].astype(np.float32))
    np.testing.assert_array_equal(merged.confidences, confidences[kept])
    np.testing.assert_array_equal(merged.class_ids, classes[kept])
    np.testing.assert_array_equal(merged.landmarks, landmarks[kept])


def test_what_is_kept_of_all_tiles_is_bounded() -> None:
    parts = [found(np.random.default_rng(seed), 3000) for seed in range(4)]
    assert len(merge(parts, 1.0, 1_000_000).boxes) == MAX_MERGED


def test_boxes_and_landmarks_move_to_where_the_tile_lies() -> None:
    one = found(np.random.default_rng(1), 3)
    assert one.landmarks is not None
    boxes, points = one.boxes.copy(), one.landmarks.copy()
    move(one, Tile(30, 7, 40, 30))
    np.testing.assert_array_equal(one.boxes, boxes + np.array([30, 7] * 2, np.float32))
    np.testing.assert_array_equal(one.landmarks, points + np.array([30, 7] * 5, np.float32))
