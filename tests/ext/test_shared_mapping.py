"""Mapped files that others change and shorten: in processes of their own, which must not end."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facewire_ext import SharedMapping, fit

SIZE = 1 << 20


def mapped(path: Path, offset: int, size: int, *, writable: bool = False) -> SharedMapping:
    descriptor = os.open(path, os.O_RDWR)
    try:
        return SharedMapping(descriptor, offset, size, writable=writable)
    finally:
        os.close(descriptor)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of SIZE bytes that count from 0 to 250, again and again."""
    file = tmp_path / "object"
    file.write_bytes(bytes(index % 251 for index in range(SIZE)))
    return file


@pytest.mark.parametrize("offset", [0, 1, 4096, 5000])
def test_the_bytes_are_those_of_the_file_also_after_a_change(path: Path, offset: int) -> None:
    mapping = mapped(path, offset, 10_000)
    view = memoryview(mapping)
    assert view.readonly
    assert len(mapping) == len(view) == 10_000
    assert view == path.read_bytes()[offset : offset + 10_000]
    with path.open("r+b") as file:
        file.seek(offset + 9_999)
        file.write(b"\xff")
    assert view[-1] == 0xFF
    assert not mapping.is_broken


def test_what_is_written_is_in_the_file(path: Path) -> None:
    mapping = mapped(path, 100, 10, writable=True)
    mapping.write(7, b"abc")
    mapping.write(10, b"")
    assert path.read_bytes()[105:112] == bytes([105, 106]) + b"abc" + bytes([110, 111])


@pytest.mark.parametrize(
    ("start", "data"), [(8, b"abc"), (-1, b"a"), (11, b""), (1 << 62, b"a"), (-(1 << 62), b"a")]
)
def test_what_does_not_fit_is_not_written(path: Path, start: int, data: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        mapped(path, 100, 10, writable=True).write(start, data)


def test_a_mapping_for_reading_is_not_written(path: Path) -> None:
    mapping = mapped(path, 0, 10)
    assert not mapping.is_writable
    with pytest.raises(ValueError, match="cannot be written"):
        mapping.write(0, b"a")


@pytest.mark.parametrize(
    ("offset", "size"), [(-1, 1), (0, 0), (0, -1), (0, (1 << 63) - 1), ((1 << 63) - 1, 1)]
)
def test_numbers_that_are_no_part_of_a_file_are_refused(path: Path, offset: int, size: int) -> None:
    with pytest.raises(ValueError, match="cannot be mapped"):
        mapped(path, offset, size)


def test_what_cannot_be_mapped_is_an_oserror(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(OSError, match="No such device"):
        SharedMapping(descriptor, 0, 1)
    os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        SharedMapping(descriptor, 0, 1)


def test_a_view_keeps_the_mapping(path: Path) -> None:
    view = memoryview(mapped(path, 0, SIZE))
    assert view[250] == 250


def test_there_is_room_for_many_and_again_when_they_are_gone(path: Path) -> None:
    for _ in range(2):
        many = []
        with pytest.raises(MemoryError, match="too many"):
            while True:
                many.append(mapped(path, 0, 1))
        assert len(many) > 900
        del many


def run(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that begins with a mapping of the file, which it may shorten."""
    begin = f"""
import faulthandler, mmap, os, signal, sys, threading
import numpy as np
from facewire_ext import SharedMapping, fit
file = os.open({str(path)!r}, os.O_RDWR)
size = {SIZE}
mapping = SharedMapping(file, 0, size, writable=True)
"""
    command = [sys.executable, "-c", begin + program]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_lost_bytes_read_as_zeros_and_are_noted(path: Path) -> None:
    done = run(
        """
os.ftruncate(file, 5000)
pixels = np.frombuffer(memoryview(mapping), np.uint8)
print(mapping.is_broken, np.count_nonzero(pixels[:5000]), np.count_nonzero(pixels[5000:]))
print(mapping.is_broken)
mapping.write(500_000, b"abc")
print(os.fstat(mapping.fileno()).st_size)
print(SharedMapping(file, 0, 5000).is_broken)
""",
        path,
    )
    nonzero = sum(index % 251 != 0 for index in range(5000))
    assert done.stdout.splitlines() == [f"False {nonzero} 0", "True", "5000", "False"], done.stderr


def test_an_object_that_shrinks_while_it_is_fitted_ends_no_process(path: Path) -> None:
    done = run(
        """
out = np.empty((3, 320, 320), np.uint8)
def shrink():
    while not ended.is_set():
        os.ftruncate(file, 4096)
        os.ftruncate(file, size)
ended = threading.Event()
thread = threading.Thread(target=shrink)
thread.start()
broken = 0
while broken < 20:
    mapping = SharedMapping(file, 0, size)
    fit(np.frombuffer(memoryview(mapping), np.uint8)[:900 * 300].reshape(300, 300, 3), out)
    broken += mapping.is_broken
ended.set()
thread.join()
print("alive")
""",
        path,
    )
    assert done.stdout == "alive\n", done.stderr


OTHER = """
other = mmap.mmap(file, 0)
os.ftruncate(file, 0)
other[-1]
print("alive")
"""


@pytest.mark.parametrize(
    "program",
    [
        OTHER,
        "faulthandler.enable()" + OTHER,
        "os.kill(os.getpid(), signal.SIGBUS); print('alive')",
        "faulthandler.enable(); SharedMapping(file, 0, 1)" + OTHER,
    ],
)
def test_other_bus_errors_end_the_process(path: Path, program: str) -> None:
    done = run(program, path)
    assert done.returncode
    assert not done.stdout


def test_pixels_are_fitted_in_place(path: Path) -> None:
    mapping = mapped(path, 50, 90_000)
    pixels = np.frombuffer(memoryview(mapping), np.uint8).reshape(100, 300, 3)
    found, expected = np.empty((2, 3, 64, 64), np.uint8)
    fit(pixels, found)
    fit(pixels.copy(), expected)
    np.testing.assert_array_equal(found, expected)
