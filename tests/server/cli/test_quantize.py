"""`facewire-server quantize`, with the embedded model and the photo that comes with it."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from facewire_client import FaceClient
from facewire_server.cli.accuracy import Accuracy
from facewire_server.cli.quantize import quantize as command
from facewire_server.config import Config
from facewire_server.errors import CommandError, FacewireError, ModelError
from facewire_server.inference import quantization
from facewire_server.inference.network import Network
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import DATA, EMBEDDED_FILE
from tests.server.own_model import copy_embedded

pytest.importorskip("nncf", reason="needs NNCF: pip install 'facewire[quantize]'")

PHOTO = DATA / "astronaut.jpg"
FACES = """<dataset><images><image file='astronaut.jpg'>
<box left='176' top='65' width='96' height='108'/></image></images></dataset>"""
SIDECAR = "confidence_threshold = 0.625\n"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a model, `photos`, and `out` for what is written."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "own.xml"

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def run(self, *arguments: str) -> Result:
        """Run the command; raises the FacewireError that it raises."""
        given = (str(self.model), "--images", str(self.photos), "--output", str(self.out))
        result = CliRunner().invoke(command, [*given, *arguments])
        if isinstance(result.exception, FacewireError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    def written(self) -> list[str]:
        """The names of all files that were left behind."""
        return sorted(path.name for path in self.out.rglob("*")) if self.out.exists() else []


def make(folder: Path) -> Place:
    place = Place(folder)
    copy_embedded(folder)
    place.photos.mkdir()
    shutil.copy(PHOTO, place.photos)
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return make(tmp_path)


@dataclass(frozen=True, slots=True)
class Run:
    place: Place
    stdout: str
    stderr: str

    @property
    def model(self) -> Path:
        return self.place.out / "own-int8.xml"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run with a sidecar, a broken photo and a data set."""
    place = make(tmp_path_factory.mktemp("quantized"))
    place.model.with_suffix(".toml").write_text(SIDECAR)
    (place.photos / "faces.xml").write_text(FACES)
    (place.photos / "broken.jpg").write_bytes(PHOTO.read_bytes()[:1000])
    result = place.run("--evaluate", f"dlib:{place.photos}")
    yield Run(place, result.stdout, result.stderr)


def test_a_server_takes_the_result_as_it_is_and_finds_the_face(run: Run) -> None:
    config = Config(models=(str(run.model),), port=0, metrics_port=None, compile_cache=False)
    with BackgroundServer(config) as server, FaceClient(server.target) as client:
        served = client.model()
        (face,) = client.detect(PHOTO).faces
    assert (served.name, served.precision) == ("own-int8", "INT8")
    assert served.min_confidence == 0.625
    assert face.box == pytest.approx((176, 65, 272, 173), abs=12)


def test_metadata_and_sidecar_are_kept(run: Run) -> None:
    before, after = (Network(ModelFiles.read(path)) for path in (EMBEDDED_FILE, run.model))
    assert after.metadata == before.metadata
    assert after.outputs == before.outputs
    assert after.input_size == before.input_size
    assert run.model.with_suffix(".toml").read_text() == SIDECAR


def test_nothing_else_is_left_behind(run: Run) -> None:
    assert run.place.written() == ["own-int8.bin", "own-int8.toml", "own-int8.xml"]


def test_sizes_speeds_and_accuracies_are_told(run: Run) -> None:
    calibrated, sizes, speeds, accuracies, took, wrote = run.stdout.splitlines()
    assert calibrated.startswith("calibrated with 1 photos, 1 left out; up to 300")
    assert sizes.startswith("weights: 0.62 MB, in INT8 0.33 MB")
    assert "FP32" in speeds and "times as fast" in speeds
    assert "AP 100.00%, in INT8 100.00% (+0.00)" in accuracies
    assert re.fullmatch(r"took \d+ s and at most \d+ MB of memory", took)
    assert wrote == f"wrote {run.model}"


def test_a_broken_photo_is_told(run: Run) -> None:
    (line,) = (line for line in run.stderr.splitlines() if "left out (" in line)
    assert "broken.jpg: cannot be read" in line


def test_a_model_in_int8_is_refused(run: Run) -> None:
    given = [str(run.model), "--images", str(run.place.photos)]
    result = CliRunner().invoke(command, given)
    assert isinstance(result.exception, ModelError)
    assert "own-int8 is in INT8 already" in str(result.exception)


@pytest.fixture
def measured(run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """What the next models are measured to have; the first attempt at INT8 is that of `run`."""
    results: list[float] = []
    quantized = Network(ModelFiles.read(run.model)).model
    monkeypatch.setattr(quantization, "quantize", lambda *_: quantized)
    monkeypatch.setattr(Accuracy, "of_served", lambda *_: results.pop(0))
    yield results
    assert not results


def test_a_model_that_loses_too_much_is_not_written(place: Place, measured: list[float]) -> None:
    (place.photos / "faces.xml").write_text(FACES)
    measured[:] = 0.9, 0.88, 0.89
    with pytest.raises(CommandError, match=r"89.00% \(-1.00\), with .* --max-drop is 0.5"):
        place.run("--evaluate", f"dlib:{place.photos}", "--max-drop", "0.5")
    assert place.written() == []


def test_a_model_whose_accuracy_is_restored_is_written(
    run: Run, place: Place, measured: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.photos / "faces.xml").write_text(FACES)
    measured[:] = 0.9, 0.88, 0.895
    restored = Network(ModelFiles.read(run.model)).model
    monkeypatch.setattr(quantization, "quantize_within", lambda *_: restored)
    result = place.run("--evaluate", f"dlib:{place.photos}", "--max-drop", "0.5")
    assert "AP 90.00%, in INT8 88.00% (-2.00): taking operations back" in result.stderr
    assert "AP 90.00%, in INT8 89.50% (-0.50)" in result.stdout
    assert place.written() == ["own-int8.bin", "own-int8.xml"]


def test_a_folder_without_usable_photos_is_refused(place: Place) -> None:
    (place.photos / PHOTO.name).write_bytes(b"no photo")
    with pytest.raises(CommandError, match="no photo in .*photos can be used"):
        place.run()
    assert place.written() == []


@pytest.mark.parametrize(
    ("dataset", "message"),
    [("dlib", "a colon and a path"), ("dlib:nowhere", "there is no nowhere")],
)
def test_a_data_set_that_cannot_be_read_is_refused(
    place: Place, dataset: str, message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        place.run("--evaluate", dataset)
    assert place.written() == []


def test_a_data_set_without_faces_is_refused(place: Place) -> None:
    (place.photos / "faces.xml").write_text(
        "<dataset><images><image file='astronaut.jpg'/></images></dataset>"
    )
    with pytest.raises(CommandError, match="no faces"):
        place.run("--evaluate", f"dlib:{place.photos}")


def test_without_nncf_the_command_says_what_to_install(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facewire_server.cli.quantize.NEEDED", ("numpy", "no_such_package"))
    with pytest.raises(CommandError) as raised:
        place.run()
    assert str(raised.value) == (
        "quantizing needs more packages (no_such_package): pip install 'facewire[quantize]'"
    )
