"""Workspace: reuse, growth, and many threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from facewire_ext import AtssLevels, Workspace, decode_atss, nms
from tests.ext.arrays import Outputs, unchanged
from tests.ext.test_atss import random_levels
from tests.ext.test_nms import crowd


def detect(levels: AtssLevels, workspace: Workspace) -> tuple[list[float], list[float]]:
    outputs = Outputs.of(200)
    count = decode_atss(
        levels,
        *outputs.arrays,
        placement=unchanged(256),
        min_confidence=0.1,
        iou_threshold=0.5,
        workspace=workspace,
    )
    return outputs.boxes[:count].ravel().tolist(), outputs.confidences[:count].tolist()


def bound(seed: int) -> AtssLevels:
    levels = random_levels(seed, (8, 16), 256, 1, 0.1)
    return AtssLevels(levels, strides=(8, 16), octave_base_scale=8)


def test_a_used_workspace_gives_what_a_new_one_gives() -> None:
    workspace = Workspace()
    heads = [bound(seed) for seed in range(4)]
    small = AtssLevels(random_levels(9, (8,), 16, 1, 0.5), strides=(8,), octave_base_scale=8)
    for levels in [small, *heads, small, *heads]:
        assert detect(levels, workspace) == detect(levels, Workspace())


def test_threads_with_a_workspace_each_do_not_disturb_one_another() -> None:
    heads = [bound(seed) for seed in range(8)]
    expected = [detect(levels, Workspace()) for levels in heads]

    def worker(index: int) -> bool:
        workspace = Workspace()
        turns = [(index + turn) % 8 for turn in range(40)]
        return all(detect(heads[turn], workspace) == expected[turn] for turn in turns)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(worker, range(16)))


def test_a_workspace_in_use_in_another_thread_is_refused() -> None:
    boxes, confidences = crowd(0, 100_000, 60_000, 0.1)
    workspace = Workspace()
    errors: list[str] = []

    def call_until_an_error() -> None:
        keep = np.zeros(len(boxes), np.int64)
        while not errors:
            try:
                nms(boxes, confidences, keep, iou_threshold=0.9, workspace=workspace)
            except RuntimeError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=call_until_an_error) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "in use in another thread" in errors[0]
    keep = np.zeros(1, np.int64)
    assert nms(boxes, confidences, keep, iou_threshold=0.5, workspace=workspace) == 1


def test_a_refused_call_leaves_the_workspace_free() -> None:
    workspace, keep = Workspace(), np.zeros(1, np.int64)
    boxes, confidences = crowd(0, 1, 1, 0.1)
    with pytest.raises(ValueError, match="iou_threshold"):
        nms(boxes, confidences, keep, iou_threshold=2.0, workspace=workspace)
    assert nms(boxes, confidences, keep, iou_threshold=0.5, workspace=workspace) == 1
