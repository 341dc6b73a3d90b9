"""The drawings of `facewire detect --draw`: none overwrites an image or another drawing."""

import io
import json
import os
import shutil
import struct
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from facewire.v1 import detect_pb2 as pb
from facewire_client.cli.root import root
from facewire_server.models.source import DATA
from tests.client.fake_server import FakeServer

PHOTO = DATA / "astronaut.jpg"
Entry = tuple[int, int, int, bytes]
SIDEWAYS: Entry = (0x112, 3, 1, b"\6\0\0\0")


def upright(request: pb.DetectRequest) -> pb.DetectResponse:
    """Answer without faces, for an upright image of the photo's size."""
    return pb.DetectResponse(image_width=512, image_height=512)


def run(fake: FakeServer, *arguments: object) -> Result:
    """Run the command against a server that answers as for the photo."""
    fake.answer = upright
    words = [str(each) for each in arguments]
    return CliRunner().invoke(root, ["detect", *words, "--server", fake.target])


def with_exif(*entries: Entry) -> bytes:
    """Return the photo with these EXIF entries (tag, type, count, value)."""
    directory = b"".join(struct.pack("<HHI", *each[:3]) + each[3] for each in entries)
    body = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)
    segment = b"Exif\0\0" + body
    photo = PHOTO.read_bytes()
    head = b"\xff\xe1" + struct.pack(">H", len(segment) + 2)
    return photo[:2] + head + segment + photo[2:]


def chunk(kind: bytes, data: bytes) -> bytes:
    ends = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + ends


def of_182_megapixels() -> bytes:
    """Return a PNG whose header claims that size."""
    header = struct.pack(">IIBBBBB", 14_000, 13_000, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def of_another_size() -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 3)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (with_exif(SIDEWAYS, (0x11A, 2, 4, b"abc\0")), "bad operand"),
        (with_exif(SIDEWAYS, (0x100, 2, 3, b"ab\0\0")), "not an integer"),
        (of_182_megapixels(), "exceeds limit of 178956970 pixels"),
        (b"no image at all", "cannot identify image"),
        (of_another_size(), "Pillow makes it 4 x 3 pixels, the server 512 x 512"),
    ],
    ids=["TypeError", "struct.error", "DecompressionBombError", "no image", "size"],
)
def test_an_image_that_cannot_be_drawn_is_an_error_and_the_others_are_drawn(
    fake: FakeServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    odd: bytes,
    why: str,
) -> None:
    # A server in this process sets another limit.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 89_478_485)
    photos = [tmp_path / f"{name}.jpg" for name in ("a", "odd", "b")]
    for photo in photos:
        photo.write_bytes(odd if photo.stem == "odd" else PHOTO.read_bytes())
    out = tmp_path / "out"
    result = run(fake, *photos, "--draw", out, "--json")
    assert result.exit_code == 1
    images = json.loads(result.stdout)["images"]
    assert [image["image"] for image in images] == [str(photo) for photo in photos]
    assert all("faces" in image for image in images)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"facewire: {photos[1]}: ")
    assert "cannot be drawn: " in line
    assert why in line
    assert sorted(os.listdir(out)) == ["a-faces.jpg", "b-faces.jpg"]


def test_an_image_without_a_result_is_not_drawn(fake: FakeServer, tmp_path: Path) -> None:
    shutil.copy(PHOTO, tmp_path / "a.jpg")
    out = tmp_path / "out"
    result = run(fake, tmp_path / "a.jpg", tmp_path / "absent.jpg", "--draw", out)
    assert result.exit_code == 1
    assert os.listdir(out) == ["a-faces.jpg"]
    assert len(result.stderr.splitlines()) == 1


def test_one_image_is_drawn_into_a_new_folder_whose_name_ends_in_a_slash(
    fake: FakeServer, tmp_path: Path
) -> None:
    result = run(fake, PHOTO, "--draw", f"{tmp_path / 'new'}/")
    assert result.exit_code == 0, result.output
    assert os.listdir(tmp_path / "new") == ["astronaut-faces.jpg"]


def test_images_of_the_same_name_are_drawn_into_different_files(
    fake: FakeServer, tmp_path: Path
) -> None:
    names = ["x/a.jpg", "y/a.jpg", "a-2.jpg", "x/A.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PHOTO, tmp_path / name)
    photos = [tmp_path / name for name in names]
    assert run(fake, *photos, "--draw", tmp_path / "out").exit_code == 0
    assert sorted(os.listdir(tmp_path / "out")) == [
        "A-3-faces.jpg",
        "a-2-2-faces.jpg",
        "a-2-faces.jpg",
        "a-faces.jpg",
    ]


def test_no_image_is_overwritten(fake: FakeServer, tmp_path: Path) -> None:
    names = ["a.jpg", "a-faces.jpg", "b.jpg"]
    for name in names:
        shutil.copy(PHOTO, tmp_path / name)
    (tmp_path / "b-faces.jpg").symlink_to("a.jpg")  # another name of an image
    photos = [tmp_path / name for name in names]
    assert run(fake, *photos, "--draw", tmp_path).exit_code == 0
    assert all(photo.read_bytes() == PHOTO.read_bytes() for photo in photos)
    new = {"a-2-faces.jpg", "a-faces-faces.jpg", "b-2-faces.jpg"}
    assert set(os.listdir(tmp_path)) == {*names, "b-faces.jpg", *new}


@pytest.mark.parametrize("link", [False, True])
def test_an_image_is_not_drawn_over_itself(fake: FakeServer, tmp_path: Path, link: bool) -> None:
    photo = out = tmp_path / "a.jpg"
    shutil.copy(PHOTO, photo)
    if link:
        out = tmp_path / "b.jpg"
        out.hardlink_to(photo)
    result = run(fake, photo, "--draw", out)
    assert result.exit_code == 2
    assert "is the image itself" in result.stderr
    assert photo.read_bytes() == PHOTO.read_bytes()
    assert fake.calls == 0


def test_the_drawings_of_an_earlier_run_are_replaced(fake: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    old = tmp_path / "out" / "astronaut-faces.jpg"
    old.write_text("old")
    assert run(fake, PHOTO, "--draw", f"{tmp_path}/out/").exit_code == 0
    assert old.read_bytes() != b"old"
    assert len(os.listdir(tmp_path / "out")) == 1
