"""What `--cut-tail` changes of a model, and what it leaves as it is."""

import asyncio
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

import openvino as ov
import pytest

from benchmarks.rebuild.network import raw_network
from benchmarks.rebuild.tail import with_tail
from facewire_server.config import Config
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.agreement import Agreement
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.heads.base import Found
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.loading import Backend
from facewire_server.models.source import EMBEDDED, Source
from tests.benchmarks.narrow import NARROW
from tests.server.constant_model import Row, write_constant_model

SAID = {
    "model_type": "ssd",
    "labels": "person face",
    "confidence_threshold": "0.1",
    "iou_threshold": "0.9",
    "octave_base_scale": "4",
}
"""What a model with a tail may say of itself; the last two are not true of it."""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A narrow rebuild with its tail, which finds some sixty boxes in the photo."""
    monkeypatch.setattr("benchmarks.rebuild.head.CLASS_BIAS", -4.0)
    network = with_tail(raw_network(NARROW, seed=0))
    for key, value in SAID.items():
        network.set_rt_info(value, ["model_info", key])
    path = tmp_path / "narrow.xml"
    ov.save_model(network, path)
    return path


def load(model: Path | str, *, cut_tail: bool, cache: Path | None = None) -> Detector:
    runtime = Runtime(inference_precision="f32", cut_tail=cut_tail, cache=cache)
    return Detector(Source.find(str(model)), runtime)


def look(detector: Detector, photo: bytes, options: Options | None = None) -> Found:
    """What it finds in the photo."""
    limits = ImageLimits(1_000_000)
    return detector.detect(EncodedImage(photo), options or Options(), limits).found


def test_the_detections_are_the_same_with_and_without_the_tail(model: Path, photo: bytes) -> None:
    whole, raw = (load(model, cut_tail=choice) for choice in (False, True))
    assert (whole.description.head, raw.description.head) == (
        "boxes + labels",
        "ATSS raw",
    )
    agreement = Agreement.between(look(whole, photo), look(raw, photo))
    assert agreement.first > 50
    assert agreement.holds, agreement


def test_all_but_the_head_and_its_threshold_is_described_as_before(
    model: Path,
) -> None:
    model.with_suffix(".toml").write_text('name = "own"\nconfidence_threshold = 0.3\n')
    whole, raw = (load(model, cut_tail=choice) for choice in (False, True))
    assert raw.description == replace(whole.description, head="ATSS raw", iou_threshold=0.5)
    assert raw.description.labels == ("person", "face")
    assert raw.description.min_confidence == 0.3


def test_the_file_beside_the_model_chooses_the_threshold_but_not_the_decoding(
    model: Path, photo: bytes
) -> None:
    model.with_suffix(".toml").write_text(
        'model_type = "ssd"\nstrides = [1]\niou_threshold = 0.4\n'
    )
    raw = load(model, cut_tail=True)
    assert raw.description.head == "ATSS raw"
    assert raw.description.iou_threshold == 0.4
    model.with_suffix(".toml").unlink()
    asked = look(load(model, cut_tail=True), photo, Options(iou_threshold=0.4))
    assert Agreement.between(asked, look(raw, photo)).holds


def test_a_request_may_ask_for_more_overlap_than_the_tail_leaves(model: Path, photo: bytes) -> None:
    options = Options(iou_threshold=0.9)
    whole, raw = (look(load(model, cut_tail=choice), photo, options) for choice in (False, True))
    assert len(raw.boxes) > len(whole.boxes)


def test_a_tail_that_is_not_proven_is_left_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.rebuild.tail.MAX_LOG_RATIO", 4.0)
    ov.save_model(with_tail(raw_network(NARROW, seed=0)), tmp_path / "other.xml")
    left_as_it_is(tmp_path / "other.xml", "finds other boxes than facewire", caplog)


def test_boxes_and_labels_without_a_known_tail_are_left_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows: list[Row] = [(8, 8, 40, 40, 0.9, 0)]
    path = write_constant_model(tmp_path / "constant.xml", rows, {})
    left_as_it_is(path, "no tail of ATSS is recognised", caplog)


def test_another_head_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    left_as_it_is(EMBEDDED, "its head is ATSS raw", caplog)


def left_as_it_is(model: Path | str, why: str, caplog: pytest.LogCaptureFixture) -> None:
    """Checks that a model is served as without the flag, and that one line says why."""
    before = load(model, cut_tail=False).description
    with caplog.at_level(logging.INFO):
        assert load(model, cut_tail=True).description == before
    (line,) = caplog.messages
    assert "is served as it is" in line
    assert why in line


def test_both_forms_of_a_model_are_kept_apart_in_the_cache(
    model: Path, tmp_path: Path, photo: bytes
) -> None:
    cache = tmp_path / "cache"
    for _ in range(2):
        found = [look(load(model, cut_tail=choice, cache=cache), photo) for choice in (False, True)]
        assert Agreement.between(*found).holds
        kept = sorted(cache.rglob("*.blob"))
        assert len({blob.parent for blob in kept}) == len(kept) == 2


def test_a_reloaded_model_is_cut_again(model: Path) -> None:
    config = Config(models=(str(model),), cut_tail=True, compile_cache=False)
    backend = Backend.load(config)
    source = backend.registry.default.source
    load = partial(Detector, source.again(), config.runtime)
    detector = asyncio.run(backend.reload("narrow", load))
    assert detector is backend.registry.default
    assert detector.description.head == "ATSS raw"
