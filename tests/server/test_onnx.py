"""ONNX files as exporters write them, on a server: weights beside them, shapes inside."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer
from tests.server.onnx_writer import SIDE, write_onnx
from tests.server.process import command, serving
from tests.server.replaced import replace, wait_until

CASES = Path(__file__).parents[3] / "shared" / "cases" / "models"

FIRST, SECOND = (8.0, 16.0, 24.0, 32.0), (8.0, 16.0, 24.0, 48.0)
BAKED = (8, 3 * SIDE * SIDE)
RELOAD_LOG = "facewire_server.service.reload"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that finds FIRST, which is in a file beside it."""
    (tmp_path / "own").mkdir()
    return write_onnx(tmp_path / "own" / "m.onnx", [(*FIRST, 0.9)], "w.data")


def case(name: str) -> Path:
    """A file of ../shared that failed once; skips the test where it is absent."""
    if not (CASES / name).exists():
        pytest.skip("../shared/cases is not here")
    return CASES / name


@contextmanager
def served(model: Path, *, watch: bool) -> Iterator[tuple[BackgroundServer, DetectServiceStub]]:
    config = Config(port=0, metrics_port=None, models=(str(model),), watch=watch)
    with BackgroundServer(config) as server, grpc.insecure_channel(server.target) as channel:
        yield server, DetectServiceStub(channel)


def answer(stub: DetectServiceStub, side: int = SIDE) -> tuple[str, tuple[float, ...]]:
    """The version that answers, and its one box in a black picture."""
    black = pb.RawImage(
        data=bytes(side * side * 3), width=side, height=side, pixel_format=pb.PIXEL_FORMAT_BGR
    )
    response = stub.Detect(pb.DetectRequest(raw_image=black), timeout=60)
    (found,) = response.detections
    box = found.box
    return response.model_version, (box.x_min, box.y_min, box.x_max, box.y_max)


def second_weights(folder: Path) -> bytes:
    write_onnx(folder / "other.onnx", [(*SECOND, 0.9)], "other.data")
    return (folder / "other.data").read_bytes()


@pytest.mark.parametrize("watch", [True, False])
def test_weights_beside_the_file_are_reloaded_when_they_alone_change(
    model: Path, tmp_path: Path, watch: bool
) -> None:
    with served(model, watch=watch) as (server, stub):
        before, box = answer(stub)
        assert box == FIRST
        replace(model.parent / "w.data", second_weights(tmp_path))
        if not watch:
            server.reload()
        wait_until(lambda: answer(stub)[0] != before)
        assert answer(stub)[1] == SECOND


def test_weights_that_come_after_their_file_are_watched_for(model: Path, tmp_path: Path) -> None:
    with served(model, watch=True) as (_, stub):
        before, _ = answer(stub)
        write_onnx(tmp_path / "later.onnx", [(*SECOND, 0.9)], "later.data")
        replace(model, (tmp_path / "later.onnx").read_bytes())
        late = model.parent / "later.data"
        assert not late.exists()
        replace(late, (tmp_path / "later.data").read_bytes())
        wait_until(lambda: answer(stub)[0] != before)
        assert answer(stub)[1] == SECOND


def test_missing_weights_are_one_line_though_the_network_is_cached(
    model: Path, tmp_path: Path
) -> None:
    cache = ("--model", str(model), "--cache", str(tmp_path / "cache"))
    with serving(*cache):
        pass
    assert list((tmp_path / "cache").rglob("network.xml"))
    (model.parent / "w.data").unlink()
    assert "w.data cannot be read: No such file" in refusal(*cache)


def refusal(*arguments: str) -> str:
    """The one line that a server says that does not start."""
    done = subprocess.run(
        command("serve", "--port", "0", "--metrics-port", "off", *arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("name", ["24_external_missing/faces.onnx", "25_batch_8_baked.onnx"])
def test_files_of_others_that_cannot_be_served_are_refused_in_one_line(
    name: str, tmp_path: Path
) -> None:
    words = {"24": "faces.onnx.data cannot be read", "25": "[8,3,64,64]"}[name[:2]]
    assert words in refusal("--model", str(case(name)), "--cache", str(tmp_path))


def test_a_file_of_others_is_prepared_as_its_metadata_says(photo: bytes) -> None:
    with served(case("22_otx_metadata_props.onnx"), watch=False) as (_, stub):
        (found,) = stub.Detect(pb.DetectRequest(encoded_image=photo), timeout=60).detections
    assert (found.class_id, found.label) == (2, "no_mask")
    assert found.confidence == pytest.approx(0.3)


def test_files_of_others_are_reloaded_with_the_weights_beside_them(tmp_path: Path) -> None:
    for file in case("24_external_A").iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    with served(tmp_path / "faces.onnx", watch=True) as (_, stub):
        before, _ = answer(stub, 512)
        for file in case("24_external_B").iterdir():
            replace(tmp_path / file.name, file.read_bytes())
        wait_until(lambda: answer(stub, 512)[0] != before)
        assert answer(stub, 512)[1] == (0, 0, 128, 128)


def test_a_batch_fixed_inside_is_one_line_at_a_reload_and_the_old_model_serves(
    model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(model, watch=False) as (server, stub):
        before = answer(stub)
        write_onnx(model, [(*SECOND, 0.9)], shape=(8, 3, SIDE, SIDE), baked=BAKED)
        server.reload()
        wait_until(lambda: any(record.name == RELOAD_LOG for record in caplog.records))
        assert answer(stub) == before
    (record,) = (record for record in caplog.records if record.name == RELOAD_LOG)
    assert record.exc_info is None
    assert "[8,3,64,64]" in record.getMessage() and "\n" not in record.getMessage()
