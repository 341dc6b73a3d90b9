"""Reading a network: its input, its outputs, and files that are none."""

from pathlib import Path

import pytest

from facewire_server.errors import ModelError
from facewire_server.inference.heads import recognise
from facewire_server.inference.heads.boxes_labels import BoxesLabelsHead
from facewire_server.inference.network import Network, short_message
from facewire_server.models.files import ModelFiles
from facewire_server.models.metadata import Metadata
from facewire_server.models.source import EMBEDDED, Source

SHARED = Path(__file__).parents[4] / "shared" / "models"


def test_a_fixed_input_of_another_size_is_refused() -> None:
    files = Source.find(EMBEDDED).read()
    width, height = Network(files).input_size
    assert Network(files, (width, height)).input_size == (width, height)
    with pytest.raises(ModelError, match=f"is fixed at {width} x {height}"):
        Network(files, (width + 1, height))


def test_the_published_0205_has_boxes_and_labels() -> None:
    path = SHARED / "face-detection-0205" / "FP16" / "face-detection-0205.xml"
    if not path.is_file():
        pytest.skip("../shared/models/face-detection-0205 is not here")
    network = Network(ModelFiles.read(path))
    head = recognise(network.outputs, network.input_size, Metadata.parse(network.metadata))
    assert isinstance(head, BoxesLabelsHead)
    assert (network.layout, network.input_size) == ("NCHW", (416, 416))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Check failed at src/core.cpp:1\n\n  No such device\n", "No such device"),
        ("", "OpenVINO says nothing"),
    ],
)
def test_the_short_message_is_the_last_line(message: str, shown: str) -> None:
    assert short_message(RuntimeError(message)) == shown
