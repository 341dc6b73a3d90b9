"""Photos that are made."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from tests.server.batch.made_photos import BAD_EVERY, write_photos


def test_photos_are_distinct_and_the_same_again_from_their_seed(tmp_path: Path) -> None:
    one, again, other = (
        [path.read_bytes() for path in write_photos(tmp_path / name, 100, seed=seed)]
        for name, seed in (("one", 0), ("again", 0), ("other", 1))
    )
    assert one == again
    kinds = Counter(one)
    assert max(kinds.values()) == 1
    assert set(one) & set(other) <= set(one[4::BAD_EVERY])


def test_one_photo_in_some_is_bad_and_none_is_larger_than_asked_for(tmp_path: Path) -> None:
    for number, path in enumerate(write_photos(tmp_path, 100, most=200)):
        data = np.frombuffer(path.read_bytes(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if number % BAD_EVERY != 4:
            assert picture is not None and 50 < max(picture.shape[:2]) <= 200
        elif picture is not None:  # cut off
            assert number == 4
