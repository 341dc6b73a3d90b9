"""Which files beside an ONNX file are told to be its own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewire_server.models.external_data import external_files
from tests.server.onnx_writer import field, write_onnx

ENTRY = field(1, b"location") + field(2, b"w.data")
TENSOR = field(8, b"name") + field(13, ENTRY)


@pytest.mark.parametrize(
    "places",
    [
        (7, 5),  # an initializer
        (7, 15, 1),  # a sparse one
        (7, 1, 5, 5),  # an attribute of a node
        (7, 1, 5, 6, 5),  # an initializer of a graph in an attribute
        (7, 1, 5, 11, 1, 5, 10),
        (25, 7, 5, 5),  # a function
    ],
)
def test_a_tensor_is_found_wherever_it_is(places: tuple[int, ...]) -> None:
    message = TENSOR
    for place in reversed(places):
        message = field(3, b"other") + field(place, message)
    assert external_files(message) == ("w.data",)


def test_a_model_that_holds_its_weights_names_no_file() -> None:
    assert external_files(field(7, field(5, field(9, b"\x00" * 64)))) == ()


def test_the_files_of_a_model_are_named_once(tmp_path: Path) -> None:
    path = write_onnx(tmp_path / "m.onnx", [(1, 2, 3, 4, 0.9)], "w.data")
    assert external_files(path.read_bytes() * 2) == ("w.data",)


@given(st.binary(max_size=200))
def test_what_is_no_onnx_names_no_file_or_fewer_but_never_fails(data: bytes) -> None:
    external_files(data)
    external_files(field(7, field(5, field(13, data))))
