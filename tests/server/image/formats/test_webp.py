"""WebP files: lossy, lossless, with alpha, animated."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import Reason
from facewire_server.image.decode import decode
from tests.server.image.samples import LIMITS, bgr, error_reason, files, rgb, rgba, save, to_bgr


@pytest.mark.parametrize("image", [rgb(), rgba()], ids=["rgb", "rgba"])
def test_lossless_colours_come_out_as_stored(image: Image.Image) -> None:
    data = save(image, "WEBP", lossless=True, exact=True)
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, bgr(image))


@pytest.mark.parametrize("image", [rgb(), rgba()], ids=["rgb", "rgba"])
def test_lossy_colours_come_out_as_in_pillow(image: Image.Image) -> None:
    data = save(image, "WEBP", exact=True)
    decoded = to_bgr(decode(data, limits=LIMITS))
    with Image.open(BytesIO(data)) as reference:
        assert np.abs(decoded - bgr(reference)).max() <= 2


def test_of_an_animation_the_first_image_counts() -> None:
    other = Image.new("RGB", (61, 47), "red")
    data = save(rgb(), "WEBP", save_all=True, append_images=[other, other], lossless=True)
    decoded = to_bgr(decode(data, limits=LIMITS))
    assert np.array_equal(decoded, bgr(rgb()))


WEBPS = [name for name in files() if "webp" in name]


@pytest.mark.parametrize("name", WEBPS)
@pytest.mark.parametrize("wrong", [-(2**40), -10, -2, -1, 1, 2, 10, 1000, 2**40])
def test_a_wrong_length_of_the_file_does_no_harm(name: str, wrong: int) -> None:
    data = files()[name]
    length = min(max(len(data) - 8 + wrong, 0), 2**32 - 1)
    claim = data[:4] + length.to_bytes(4, "little") + data[8:]
    whole = decode(data, limits=LIMITS)
    picture = decode(claim, limits=LIMITS)
    assert np.array_equal(picture.pixels, whole.pixels)
    assert picture.orientation == whole.orientation
    assert error_reason(claim[: len(data) // 4]) is Reason.CORRUPT_IMAGE


def test_the_padding_of_the_last_chunk_may_be_missing() -> None:
    made = (save(rgb(width, 9), "WEBP", lossless=True) for width in range(9, 90))
    data = next(each for each in made if each[16] % 2)
    whole = decode(data, limits=LIMITS).pixels
    for length in (len(data) - 8, len(data) - 9):
        cut = data[:4] + length.to_bytes(4, "little") + data[8:-1]
        assert np.array_equal(decode(cut, limits=LIMITS).pixels, whole)


@pytest.mark.parametrize("name", WEBPS)
def test_pixels_that_are_cut_off_are_missed_with_any_length_in_the_header(name: str) -> None:
    data = files()[name]
    for cut in range(30, len(data) // 2):
        short = data[:4] + (cut - 8).to_bytes(4, "little") + data[8:cut]
        picture = None
        if error_reason(short) is None:
            picture = decode(short, limits=LIMITS)
            whole = decode(data, limits=LIMITS)
            assert np.array_equal(picture.pixels, whole.pixels)
        assert picture is None or name == "webp animated"


def test_an_unknown_first_chunk_is_corrupt() -> None:
    data = save(rgb(), "WEBP")
    assert error_reason(data[:12] + b"VP9 " + data[16:]) is Reason.CORRUPT_IMAGE


def test_damage_is_not_written_to_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = save(rgb(), "WEBP")
    assert error_reason(data[: len(data) // 2]) is Reason.CORRUPT_IMAGE
    assert capfd.readouterr().err == ""
