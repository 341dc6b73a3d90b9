"""The output of `facewire`: one line for each error, and text from outside escaped."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_server.models.source import DATA
from tests.client.failure import Failure
from tests.client.fake_server import FakeServer

PHOTO = DATA / "astronaut.jpg"
COMMAND = [sys.executable, "-m", "facewire_client"]
LATIN_1 = os.fsdecode(b"caf\xe9.jpg")
NEW_LINE = "new\nline.jpg"
ESCAPE = "\x1b[31mred.jpg"
RIGHT_TO_LEFT = "\u202egpj.jpg"
JAPANESE = "写真.jpg"
NAMES = [LATIN_1, NEW_LINE, ESCAPE, RIGHT_TO_LEFT, JAPANESE]
SHOWN = ["caf\\xe9.jpg", "new\\nline.jpg", "\\x1b[31mred.jpg", "\\u202egpj.jpg"]
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def run(
    fake: FakeServer, *arguments: str, cwd: Path | None = None, encoding: str = "utf-8"
) -> tuple[int, bytes, bytes]:
    """Run a command; return exit status, standard output and standard error."""
    environment = os.environ | {
        "FACEWIRE_SERVER": fake.target,
        "PYTHONIOENCODING": encoding,
    }
    done = subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        capture_output=True,
        cwd=cwd,
        env=environment,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def is_plain(output: bytes) -> bool:
    """Return whether it is valid UTF-8 without control characters."""
    return all(line.isprintable() for line in output.decode().split("\n"))


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of photos with odd names."""
    for name in NAMES:
        shutil.copy(PHOTO, tmp_path / name)
    return tmp_path


def test_odd_names_are_escaped_in_the_table(fake: FakeServer, odd: Path) -> None:
    status, output, errors = run(fake, "detect", *NAMES, cwd=odd)
    assert (status, errors) == (0, b"")
    assert is_plain(output)
    names = [line.split()[0] for line in output.decode().splitlines()[1:]]
    assert names == [*SHOWN, JAPANESE]


def test_characters_outside_the_terminals_encoding_are_escaped(fake: FakeServer, odd: Path) -> None:
    status, output, _ = run(fake, "detect", JAPANESE, cwd=odd, encoding="latin-1")
    assert status == 0
    assert output.splitlines()[1].startswith(b"\\u5199\\u771f.jpg ")


def test_odd_names_are_valid_in_json(fake: FakeServer, odd: Path) -> None:
    absent = os.fsdecode(b"\xff\x1b.jpg")
    status, output, errors = run(fake, "detect", "--json", *NAMES, absent, cwd=odd)
    assert status == 1
    images = json.loads(output)["images"]
    given = ["caf\\xe9.jpg", *NAMES[1:], "\\xff\x1b.jpg"]
    assert [image["image"] for image in images] == given
    json.dumps(images, ensure_ascii=False).encode()  # no surrogate in any string
    assert errors.startswith(b"facewire: \\xff\\x1b.jpg: cannot read \\xff\\x1b.jpg")


def test_odd_names_of_drawings_are_escaped(fake: FakeServer, odd: Path) -> None:
    (odd / ESCAPE).write_bytes(b"no image")
    fake.answer = lambda request: pb.DetectResponse(image_width=512, image_height=512)
    status, _, errors = run(fake, "detect", *NAMES, "--draw", "out", cwd=odd)
    assert status == 1
    assert is_plain(errors)
    assert len(os.listdir(odd / "out")) == 4


def test_messages_of_the_server_are_escaped(fake: FakeServer) -> None:
    fake.failures.extend(
        [Failure(grpc.StatusCode.INVALID_ARGUMENT, message="so\n\x1b[31mit is")] * 2
    )
    for arguments in (("models",), ("detect", str(PHOTO))):
        status, _, errors = run(fake, *arguments)
        assert status == 1
        assert b"so\\n\\x1b[31mit is" in errors
        assert is_plain(errors)


def test_labels_of_the_server_are_escaped(fake: FakeServer) -> None:
    face = pb.Detection(label="\x1b[2Jface", confidence=0.5)
    fake.answer = lambda request: pb.DetectResponse(detections=[face])
    status, output, _ = run(fake, "detect", str(PHOTO))
    assert status == 0
    assert output.rstrip().endswith(b"\\x1b[2Jface")


BENCH = ("bench", "--duration", "0.2", "--warmup", "0")


def test_odd_names_are_escaped_in_a_benchmark(fake: FakeServer, odd: Path) -> None:
    images = [word for name in NAMES for word in ("--image", name)]
    status, output, _ = run(fake, *BENCH, *images, cwd=odd)
    assert status == 0
    assert is_plain(output)
    status, output, _ = run(fake, *BENCH, *images, "--json", cwd=odd)
    names = [image["name"] for image in json.loads(output)["images"]]
    assert names == ["caf\\xe9.jpg", *NAMES[1:]]


def test_an_infinite_number_is_null_in_json(fake: FakeServer) -> None:
    _, output, _ = run(fake, *BENCH, "--image", str(PHOTO), "--timeout", "inf", "--json")
    assert json.loads(output, parse_constant=pytest.fail)["settings"]["timeout_seconds"] is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("models", "a\x1b]0;title\x07"),
        ("detect", "\x1b"),
        ("detect", "--\x1b"),
        ("bench", "--image", "\x1b\udcff.jpg"),
        ("models", "--server", "\x1b:1"),
        ("models", "--timeout", "nan"),
        ("\x1b",),
    ],
)
def test_wrong_usage_is_escaped(fake: FakeServer, tmp_path: Path, arguments: Sequence[str]) -> None:
    (tmp_path / "\x1b").mkdir()
    status, output, errors = run(fake, *arguments, cwd=tmp_path)
    assert (status, output) == (2, b"")
    assert b"Error: " in errors
    assert is_plain(errors)


@full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("detect", str(PHOTO)),
        ("detect", str(PHOTO), "--json"),
        ("models",),
        ("models", "--json"),
        ("health",),
        ("--help",),
        (*BENCH, "--image", str(PHOTO)),
    ],
    ids=["table", "document", "models", "models --json", "health", "help", "bench"],
)
def test_a_full_disk_is_one_line(
    fake: FakeServer, arguments: Sequence[str], unbuffered: str
) -> None:
    with open("/dev/full", "wb") as output:
        done = subprocess.run(
            [*COMMAND, *arguments],
            check=False,
            stdout=output,
            stderr=subprocess.PIPE,
            env=os.environ | {"FACEWIRE_SERVER": fake.target, "PYTHONUNBUFFERED": unbuffered},
            timeout=120,
        )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("facewire: ")
    assert line.endswith("No space left on device")


def test_a_closed_output_pipe_is_one_line(fake: FakeServer) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*COMMAND, "models", "--server", fake.target],
        check=False,
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == b"facewire: cannot write the output: Broken pipe\n"


@full
def test_an_error_that_cannot_be_printed_leaves_the_exit_status() -> None:
    with open("/dev/full", "wb") as errors:
        done = subprocess.run(
            [*COMMAND, "models", "--server", "127.0.0.1:1"],
            check=False,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=120,
        )
    assert (done.returncode, done.stdout) == (1, b"")
