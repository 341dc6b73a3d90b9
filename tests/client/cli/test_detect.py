"""`facewire detect`, against a real server with the embedded model and a fake one."""

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from facewire.v1 import detect_pb2 as pb
from facewire_client.cli.root import root
from facewire_client.errors import FaceClientError
from facewire_server.models.source import DATA
from tests.client.cli.conftest import Run
from tests.client.fake_server import FakeServer, break_after

PHOTO = str(DATA / "astronaut.jpg")


@pytest.fixture
def words(tmp_path: Path) -> str:
    """A file that is no image."""
    path = tmp_path / "words.jpg"
    path.write_text("these are words")
    return str(path)


def test_faces_are_printed_as_a_table(run: Run) -> None:
    result = run("detect", PHOTO)
    assert result.exit_code == 0
    header, line = result.stdout.splitlines()
    assert header.split()[:3] == ["image", "face", "x_min"]
    assert line.split()[0] == PHOTO
    assert line.split()[-1] == "face"


def test_faces_are_printed_as_one_json_document(run: Run) -> None:
    (image,) = json.loads(run("detect", "--json", PHOTO).stdout)["images"]
    assert image["image"] == PHOTO
    assert (image["width"], image["height"]) == (512, 512)
    assert image["model"] == "face-detection-nano"
    (face,) = image["faces"]
    assert len(face["box"]) == 4
    assert image["timing"]["total_us"] > 0
    assert image["cached"] is False


def test_options_reach_the_server(run: Run) -> None:
    options = ("--min-confidence", "0", "--iou-threshold", "1", "--max-detections", "7")
    (image,) = json.loads(run("detect", "--json", *options, PHOTO).stdout)["images"]
    assert len(image["faces"]) == 7


def test_an_image_can_come_from_standard_input(run: Run) -> None:
    result = run("detect", "-", stdin=Path(PHOTO).read_bytes())
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2


def test_one_bad_image_among_several_is_an_error_and_the_others_are_done(
    run: Run, words: str
) -> None:
    result = run("detect", "--json", PHOTO, words, "nowhere.jpg", PHOTO)
    assert result.exit_code == 1
    images = json.loads(result.stdout)["images"]
    assert [len(image.get("faces", [])) for image in images] == [1, 0, 0, 1]
    assert images[1]["error"]["reason"] == "UNSUPPORTED_FORMAT"
    first, second = result.stderr.splitlines()
    assert first.startswith(f"facewire: {words}: ")
    assert second.startswith("facewire: nowhere.jpg: cannot read")


def test_an_image_without_faces_is_a_success(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "black.png"
    Image.new("RGB", (64, 64)).save(path)
    result = run("detect", str(path))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == [str(path), "none"]


def test_an_image_is_drawn_upright_into_a_file(run: Run, tmp_path: Path) -> None:
    turned, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(PHOTO).crop((0, 0, 500, 300))
    picture.transpose(Image.Transpose.ROTATE_90).save(turned, "JPEG", exif=exif)
    output = tmp_path / "new" / "out.png"
    result = run("detect", "-", "--draw", str(output), stdin=turned.getvalue())
    assert result.exit_code == 0, result.stderr
    with Image.open(output) as drawn:
        assert drawn.size == (500, 300)
        colours = drawn.getcolors(maxcolors=1 << 20) or []
    assert (57, 255, 20) in [colour for _, colour in colours]


def test_several_images_are_drawn_into_a_folder(run: Run, tmp_path: Path) -> None:
    assert run("detect", PHOTO, PHOTO, "--draw", str(tmp_path / "all")).exit_code == 0
    names = sorted(path.name for path in (tmp_path / "all").iterdir())
    assert names == ["astronaut-2-faces.jpg", "astronaut-faces.jpg"]


def test_a_drawing_that_cannot_be_written_is_a_failure(run: Run, tmp_path: Path) -> None:
    result = run("detect", PHOTO, "--draw", str(tmp_path / "out.unknown"))
    assert result.exit_code == 1
    assert "cannot be drawn" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("detect",), ("detect", PHOTO, "--max-detections", "x"), ("detect", "."), ("x",)],
)
def test_wrong_usage_exits_with_two(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", [("models",), ("health",), ("detect", PHOTO)])
def test_an_unreachable_server_is_one_plain_line(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "facewire_client", *command, "--server", "127.0.0.1:1"],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("facewire: ")
    assert "cannot reach 127.0.0.1:1" in line


def ask(fake: FakeServer, *arguments: str) -> Result:
    """Run a command against the fake server."""
    return CliRunner().invoke(root, [*arguments, "--server", fake.target])


@pytest.fixture
def photos(tmp_path: Path) -> Sequence[str]:
    """Four files; the fake server does not decode them."""
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path in paths:
        path.write_bytes(b"image")
    return [str(path) for path in paths]


def test_the_timeout_holds_for_several_images(fake: FakeServer, photos: Sequence[str]) -> None:
    fake.answer = fake.hang
    result = ask(fake, "detect", *photos, "--timeout", "0.05")
    assert result.exit_code == 1
    assert "did not answer in time" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [
        ((), pb.TILING_POLICY_UNSPECIFIED),
        (("--tiling", "on"), pb.TILING_POLICY_ON),
        (("--tiling", "off"), pb.TILING_POLICY_OFF),
    ],
)
def test_tiles_are_asked_for_or_not(
    fake: FakeServer,
    photos: Sequence[str],
    arguments: tuple[str, ...],
    policy: pb.TilingPolicy.ValueType,
) -> None:
    assert ask(fake, "detect", photos[0], *arguments).exit_code == 0
    assert fake.requests[-1].options == pb.DetectOptions(tiling=policy)


def test_results_before_a_stream_broke_are_printed(fake: FakeServer, photos: Sequence[str]) -> None:
    fake.answer = partial(break_after, 2, fake)
    result = ask(fake, "detect", *photos)
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == photos[:2]
    (line,) = result.stderr.splitlines()
    assert line.startswith("facewire: ")
    assert line.endswith("(SHUTTING_DOWN); 2 of 4 images were not answered")


def test_the_document_of_a_broken_stream_names_every_image(
    fake: FakeServer, photos: Sequence[str]
) -> None:
    fake.answer = partial(break_after, 1, fake)
    result = ask(fake, "detect", "--json", *photos)
    images = json.loads(result.stdout)["images"]
    assert [image["image"] for image in images] == photos
    assert ["faces" in image for image in images] == [True, False, False, False]
    assert images[3]["error"]["reason"] == "SHUTTING_DOWN"


def test_without_pillow_an_image_to_be_drawn_is_not_sent(
    fake: FakeServer,
    photos: Sequence[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    result = ask(fake, "detect", *photos, "--draw", str(tmp_path / "all"))
    assert isinstance(result.exception, FaceClientError)
    assert "pip install 'facewire[draw]'" in str(result.exception)
    assert fake.calls == 0
