"""The six programs find the same faces, and say in the same way what went wrong."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import Guarded
from tests.examples.programs import Program, comparable, failed


def found_by_command(server: Guarded, photos: list[Path]) -> list[dict[str, Any]]:
    """Return what `facewire detect --json` prints for the photos, without what is not compared."""
    command = [sys.executable, "-m", "facewire_client", "detect", "--json"]
    command += ["--server", server.target, "--root-certificates", str(server.ca)]
    command += ["--token-file", str(server.token), *map(str, photos)]
    done = subprocess.run(command, capture_output=True, check=False)
    images = json.loads(done.stdout)["images"]
    for image in images:
        image.pop("timing", None)
        image.pop("cached", None)
    return [comparable(image) for image in images]


def test_photos_and_a_folder_are_told_as_the_command_tells_them(
    program: Program, guarded: Guarded, photos: list[Path]
) -> None:
    expected = found_by_command(guarded, photos)
    flags = ("--server", guarded.target, "--ca", guarded.ca, "--token-file", guarded.token)
    output = program(*flags, *photos, photos[0].parent)
    assert output.lines == expected * 2
    assert len(expected[0]["faces"]) == 1
    assert [each["error"]["reason"] for each in expected[1:4]] == [
        "CORRUPT_IMAGE",
        "UNSUPPORTED_FORMAT",
        "UNREADABLE_FILE",
    ]
    assert output.status == 1


def test_photos_that_are_all_answered_are_a_success(
    program: Program, guarded: Guarded, photos: list[Path]
) -> None:
    flags = ("--server", guarded.target, "--ca", guarded.ca, "--token-file", guarded.token)
    output = program(*flags, photos[0], photos[4])
    assert [line["model"] for line in output.lines] == ["face-detection-nano"] * 2
    assert output.status == 0


def test_a_wrong_token_is_told_for_a_photo_and_for_each_of_a_folder(
    program: Program, guarded: Guarded, photos: list[Path], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    photos[3].unlink()
    flags = ("--server", guarded.target, "--ca", guarded.ca, "--token-file", wrong)
    output = program(*flags, photos[0], photos[0].parent)
    assert output.faults == [("UNAUTHENTICATED", "BAD_TOKEN")] * 5
    assert output.status == 1


def test_a_server_that_is_not_there_is_told_for_each_photo(
    program: Program, photos: list[Path]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        target = f"127.0.0.1:{taken.getsockname()[1]}"
        photos[3].unlink()
        output = program("--server", target, photos[0], photos[0].parent)
    present = [photos[0], *photos[:3], photos[4]]
    assert output.lines == [failed(photo, "UNAVAILABLE") for photo in present]
    assert output.status == 1


@pytest.mark.parametrize("option", ["--ca", "--token-file"])
def test_a_file_that_cannot_be_read_is_wrong_usage(
    program: Program, option: str, photos: list[Path]
) -> None:
    output = program(option, photos[3], photos[0])
    assert output.lines == []
    assert len(output.errors.splitlines()) == 1
    assert output.status == 2


def test_no_photo_is_wrong_usage(program: Program) -> None:
    output = program()
    assert output.lines == []
    assert "PHOTO" in output.errors
    assert output.status == 2
