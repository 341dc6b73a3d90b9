"""Fixtures: a shared memory object."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.shared_objects import shared_object

SIZE = 10_000


@pytest.fixture
def path() -> Iterator[Path]:
    """The file of an object of SIZE bytes."""
    with shared_object(bytes(index % 251 for index in range(SIZE))) as made:
        yield made
