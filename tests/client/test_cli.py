"""The command `facewire`, against a real server with the embedded model."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from facewire_client.cli.root import root
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA

PHOTO = str(DATA / "astronaut.jpg")
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """Where a real server is."""
    with BackgroundServer(Config(port=0, metrics_port=None)) as server:
        yield server.target


@pytest.fixture
def run(target: str) -> Run:
    """Runs a command against the server, which it is told by the environment."""

    def invoke(*arguments: str, stdin: bytes | None = None) -> Result:
        environment = {"FACEWIRE_SERVER": target}
        return CliRunner().invoke(root, arguments, env=environment, input=stdin)

    return invoke


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


def test_options_reach_the_server(run: Run) -> None:
    options = ("--min-confidence", "0", "--iou-threshold", "1", "--max-detections", "7")
    (image,) = json.loads(run("detect", "--json", *options, PHOTO).stdout)["images"]
    assert len(image["faces"]) == 7


def test_an_image_can_come_from_standard_input(run: Run) -> None:
    result = run("detect", "-", stdin=Path(PHOTO).read_bytes())
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2


def test_one_bad_image_among_several_is_told_and_the_others_are_done(run: Run, words: str) -> None:
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


def test_a_picture_is_drawn_upright_into_a_file(run: Run, tmp_path: Path) -> None:
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


def test_several_pictures_are_drawn_into_a_folder(run: Run, tmp_path: Path) -> None:
    assert run("detect", PHOTO, PHOTO, "--draw", str(tmp_path / "all")).exit_code == 0
    names = sorted(path.name for path in (tmp_path / "all").iterdir())
    assert names == ["astronaut-2-faces.jpg", "astronaut-faces.jpg"]


def test_a_drawing_that_cannot_be_written_is_a_failure(run: Run, tmp_path: Path) -> None:
    result = run("detect", PHOTO, "--draw", str(tmp_path / "out.unknown"))
    assert result.exit_code == 1
    assert "cannot be drawn" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_models_are_listed(run: Run) -> None:
    result = run("models")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].startswith("face-detection-nano")
    (model,) = json.loads(run("models", "--json").stdout)
    assert model["is_default"]


def test_health_is_told_in_a_word_and_by_the_exit_status(run: Run) -> None:
    result = run("health")
    assert (result.exit_code, result.stdout) == (0, "SERVING\n")
    assert run("health", "facewire.v1.DetectService").exit_code == 0
    assert run("health", "--model", "face-detection-nano").exit_code == 0
    assert run("health", "--model", "absent").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("detect",), ("detect", PHOTO, "--max-detections", "x"), ("detect", "."), ("x",)]
    + [("health", "facewire.v1.DetectService", "--model", "x")],
)
def test_wrong_usage_exits_with_two(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", [("models",), ("health",), ("detect", PHOTO)])
def test_a_server_that_is_not_there_is_one_plain_line(command: tuple[str, ...]) -> None:
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
