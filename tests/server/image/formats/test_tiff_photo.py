"""Raw photos are told from images, whatever their first page is."""

import pytest

from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import decode
from tests.server.image.samples import LIMITS, refusal, smooth
from tests.server.image.tiff_writer import Tags, gray_tags, tiff

GRAY = smooth(20, 10, 1)[:, :, 0]


@pytest.mark.parametrize(
    "more",
    [
        {50706: ("B", [1, 4, 0, 0])},
        {37398: ("B", [1, 0, 0, 0])},
        {262: ("H", [32803])},
        {262: ("H", [34892])},
        {254: ("L", [1])},
        {254: ("L", [5])},
        {255: ("H", [2])},
    ],
    ids=["DNG", "TIFF/EP", "filters", "linear", "reduced", "mask of it", "old tag"],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_raw_photos_are_refused_before_a_thumbnail_is_taken_for_them(
    more: Tags, order: str
) -> None:
    data = tiff(gray_tags(20, 10) | more, GRAY.tobytes(), order=order)
    with pytest.raises(RequestError, match="raw photo") as error:
        decode(data, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


def test_a_raw_photo_of_canon_is_told_by_its_mark() -> None:
    tags = gray_tags(20, 10) | {273: ("L", [8])}
    data = tiff(tags, b"CR\2\0\0\0\0\0" + GRAY.tobytes())
    with pytest.raises(RequestError, match="CR2") as error:
        decode(data, limits=LIMITS)
    assert error.value.reason is Reason.UNSUPPORTED_FORMAT


@pytest.mark.parametrize("value", [0, 2, 4])
def test_a_page_of_many_or_a_mask_is_no_thumbnail(value: int) -> None:
    tags = gray_tags(20, 10) | {254: ("L", [value])}
    assert refusal(tiff(tags, GRAY.tobytes())) is None
