"""WebP files: lossy, lossless, with alpha, animated."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from facewire_server.errors import Reason
from facewire_server.image.encoded import decode
from tests.server.image.samples import LIMITS, bgr, refusal, rgb, rgba, save


@pytest.mark.parametrize("image", [rgb(), rgba()], ids=["rgb", "rgba"])
def test_lossless_colours_come_out_as_stored(image: Image.Image) -> None:
    data = save(image, "WEBP", lossless=True, exact=True)
    decoded = decode(data, limits=LIMITS).to_bgr()
    assert np.array_equal(decoded, bgr(image))


@pytest.mark.parametrize("image", [rgb(), rgba()], ids=["rgb", "rgba"])
def test_lossy_colours_come_out_as_in_pillow(image: Image.Image) -> None:
    data = save(image, "WEBP", exact=True)
    decoded = decode(data, limits=LIMITS).to_bgr()
    with Image.open(BytesIO(data)) as reference:
        assert np.abs(decoded - bgr(reference)).max() <= 2


def test_of_an_animation_the_first_frame_counts() -> None:
    other = Image.new("RGB", (61, 47), "red")
    data = save(
        rgb(), "WEBP", save_all=True, append_images=[other, other], lossless=True
    )
    decoded = decode(data, limits=LIMITS).to_bgr()
    assert np.array_equal(decoded, bgr(rgb()))


def test_an_unknown_first_chunk_is_corrupt() -> None:
    data = save(rgb(), "WEBP")
    assert refusal(data[:12] + b"VP9 " + data[16:]) is Reason.CORRUPT_IMAGE


def test_damage_is_not_written_to_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    data = save(rgb(), "WEBP")
    assert refusal(data[: len(data) // 2]) is Reason.CORRUPT_IMAGE
    assert capfd.readouterr().err == ""
