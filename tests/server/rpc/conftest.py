"""Fixtures of the tests of rpc."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="module")
def pixels(photo: bytes) -> NDArray[np.uint8]:
    """The pixels of the photo, BGR [512,512,3]."""
    decoded: Any = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(decoded, np.uint8)
