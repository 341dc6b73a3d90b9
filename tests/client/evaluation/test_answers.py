"""Kept answers: taken again only for the same photo and question, and after any interruption."""

import os
from pathlib import Path

import numpy as np
import pytest

from facewire_client.evaluation.answers import (
    Answer,
    AnswerFile,
    kept,
    kept_alone,
    refused,
)
from facewire_client.evaluation.dataset import DatasetError, Photo

ASKED = {"model": "nano", "version": "1", "min_confidence": 0.01}
FOUND = Answer(np.array([[1.1, 2.2, 3.3, 4.4, 0.123456789]], np.float32), (50, 40))


@pytest.fixture
def photos(tmp_path: Path) -> list[Photo]:
    """Two photos without faces."""
    result = []
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode())
        result.append(Photo(name, tmp_path / name, np.zeros((0, 4)), np.zeros(0, bool)))
    return result


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def keep(path: Path, photo: Photo, answer: Answer = FOUND, **asked: object) -> None:
    with AnswerFile(path) as file:
        file.add(photo, {**ASKED, **asked}, answer)


def test_an_answer_comes_back_exactly(path: Path, photos: list[Photo]) -> None:
    keep(path, photos[0])
    keep(path, photos[1], refused("it is broken (CORRUPT_IMAGE)"))
    found = kept(path, photos, ASKED)
    assert found["a.jpg"].found.tolist() == FOUND.found.tolist()
    assert found["a.jpg"].size == (50, 40)
    assert found["b.jpg"].error == "it is broken (CORRUPT_IMAGE)"
    assert found["b.jpg"].size is None


def test_an_answer_to_another_question_is_not_taken(path: Path, photos: list[Photo]) -> None:
    keep(path, photos[0], version="2")
    keep(path, photos[0], min_confidence=0.5)
    assert kept(path, photos, ASKED) == {}


def test_an_answer_for_a_photo_that_changed_is_not_taken(path: Path, photos: list[Photo]) -> None:
    keep(path, photos[0])
    keep(path, photos[1])
    photos[0].path.write_bytes(b"longer than it was")
    os.utime(photos[1].path, ns=(1, 1))
    assert kept(path, photos, ASKED) == {}


def test_a_line_that_was_not_finished_is_passed_over(path: Path, photos: list[Photo]) -> None:
    keep(path, photos[0])
    path.write_bytes(path.read_bytes() + b'{"photo": "b.jpg", "by')
    keep(path, photos[1])
    assert set(kept(path, photos, ASKED)) == {"a.jpg", "b.jpg"}


@pytest.mark.parametrize("line", [b"7", b"[]", b"{}", b"\xff", b'{"photo": 1}', b"[" * 100_000])
def test_lines_of_other_programs_are_passed_over(
    path: Path, photos: list[Photo], line: bytes
) -> None:
    path.write_bytes(line + b"\n")
    keep(path, photos[0])
    assert set(kept(path, photos, ASKED)) == {"a.jpg"}


def test_the_answers_of_a_baseline_are_those_to_one_question(
    path: Path, photos: list[Photo]
) -> None:
    keep(path, photos[0])
    keep(path, photos[1])
    asked, found = kept_alone(path, photos, None)
    assert (asked, len(found)) == (ASKED, 2)
    keep(path, photos[0], model="other")
    with pytest.raises(DatasetError, match="must have the answers to one question"):
        kept_alone(path, photos, None)
    assert kept_alone(path, photos, "other")[0]["model"] == "other"


def test_a_baseline_without_answers_for_the_photos_is_told(path: Path, photos: list[Photo]) -> None:
    path.write_bytes(b"")
    with pytest.raises(DatasetError, match="none for these photos"):
        kept_alone(path, photos, None)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"absent/a\.jsonl: No such file"):
        AnswerFile(tmp_path / "absent" / "a.jsonl")
