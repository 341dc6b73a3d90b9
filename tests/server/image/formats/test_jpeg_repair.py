"""JPEG files that libjpeg warns of decode if they are complete, else they are corrupt."""

from io import BytesIO
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from facewire_server.errors import Reason
from facewire_server.image.decode import decode
from facewire_server.image.limits import ImageLimits
from facewire_server.image.target import ResizeMode, Target
from tests.server.image import attacks
from tests.server.image.jpeg_faults import (
    END,
    HARMLESS,
    TRAILER,
    WARNINGS,
    cut,
    in_front,
    profile,
    without,
    without_interval,
)
from tests.server.image.samples import LIMITS, bgr, case, error_reason, rgb, save, smooth, to_bgr

SMALL = Target(64, 64, ResizeMode.FIT_TO_WINDOW)


def noise(width: int, height: int) -> NDArray[np.uint8]:
    """[height,width,3] of any values."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


PHOTO = smooth(200, 120) // 2 + noise(200, 120) // 4
PHOTOS: dict[str, dict[str, object]] = {
    "whole units": {},
    "smaller colours": {"subsampling": "4:2:0"},
    "wider colours": {"subsampling": "4:2:2"},
    "restarts": {"restart_marker_blocks": 3},
    "progressive": {"progressive": True},
    "progressive restarts": {"progressive": True, "restart_marker_blocks": 4},
}


def _photo(name: str, *, optimize: bool = False) -> bytes:
    options = {"subsampling": "4:4:4", "optimize": optimize} | PHOTOS[name]
    return save(Image.fromarray(PHOTO), "JPEG", **options)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (fault, name)
        for fault, name in product(HARMLESS, PHOTOS)
        if not ("tables" in fault and "progressive" in name)  # it has tables of its own
    ],
)
def test_a_harmless_fault_changes_no_pixel(fault: str, name: str) -> None:
    data = _photo(name)
    expected = decode(data, limits=LIMITS)
    picture = decode(HARMLESS[fault](data), limits=LIMITS)
    assert np.array_equal(picture.pixels, expected.pixels)


@pytest.mark.parametrize("fault", HARMLESS)
def test_a_photo_with_a_fault_is_reduced_too(fault: str) -> None:
    data = save(rgb(512, 512), "JPEG")
    picture = decode(HARMLESS[fault](data), limits=LIMITS, target=SMALL)
    expected = decode(data, limits=LIMITS, target=SMALL)
    assert picture.reduction == 8
    assert np.array_equal(picture.pixels, expected.pixels)


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("warning", [None, *WARNINGS])
def test_a_cut_is_corrupt_after_any_warning(warning: str | None, name: str) -> None:
    data = _photo(name)
    changed = WARNINGS[warning](data) if warning else data
    for end in (b"", b"\xff", END, TRAILER):
        shares = (0.1, 0.33, 0.5, 0.66, 0.9, 0.99)
        reasons = {error_reason(cut(changed, share, end=end)) for share in shares}
        assert reasons == {Reason.CORRUPT_IMAGE}


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"\0\xff"])
@pytest.mark.parametrize("end", [b"", END])
def test_filling_behind_a_cut_is_not_taken_for_pixels(
    name: str, optimize: bool, fill: bytes, end: bytes
) -> None:
    data = _photo(name, optimize=optimize)
    for share in (0.3, 0.6, 0.9):
        start = cut(data, share, end=b"")
        filled = (start + fill * len(data))[: len(data) - len(end)] + end
        assert error_reason(filled) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("end", [b"", END])
def test_blocks_of_zeros_are_not_taken_for_filling(end: bytes) -> None:
    white = Image.new("L", (400, 400), "white")
    white.paste(Image.fromarray(PHOTO).convert("L"))
    data = save(white, "JPEG", optimize=True)
    assert b"\0" * 20 in data[-100:]
    assert error_reason(in_front(data[:-2] + end, profile(0, 0))) is None


@pytest.mark.parametrize("end", [b"", END])
@pytest.mark.parametrize("gray", [False, True])
def test_the_last_byte_of_the_last_block_is_missed(gray: bool, end: bytes) -> None:
    data = save(Image.fromarray(PHOTO).convert("L" if gray else "RGB"), "JPEG")
    assert error_reason(data[:-3] + end) is Reason.CORRUPT_IMAGE


@pytest.mark.parametrize("name", ["restarts", "progressive restarts"])
@pytest.mark.parametrize("warning", [None, *WARNINGS])
def test_a_lost_interval_is_corrupt(warning: str | None, name: str) -> None:
    data = _photo(name)
    changed = WARNINGS[warning](data) if warning else data
    assert error_reason(without_interval(changed, 2)) is Reason.CORRUPT_IMAGE


def test_components_without_a_scan_are_corrupt() -> None:
    data = attacks.baseline_scans(64, 3)
    assert error_reason(data) is None
    scan = data.rindex(b"\xff\xda")
    assert error_reason(data[:scan] + END) is Reason.CORRUPT_IMAGE
    assert error_reason(data[:scan]) is Reason.CORRUPT_IMAGE


def test_an_image_that_is_cut_between_its_scans_needs_its_eoi() -> None:
    data = _photo("progressive")
    scan = data.rindex(b"\xff\xda")
    assert error_reason(data[:scan]) is Reason.CORRUPT_IMAGE
    # The standard allows encoders to leave out fine detail.
    assert error_reason(data[:scan] + END) is None
    assert error_reason(in_front(data[:scan] + END, profile(0, 0))) is None


def test_scans_of_another_image_do_not_count() -> None:
    data = save(rgb().convert("CMYK"), "JPEG", progressive=True)
    scans = data.count(b"\xff\xda")
    limits = ImageLimits(LIMITS.pixels, scans=scans)
    expected = decode(data, limits=limits).pixels
    assert np.array_equal(decode(data[:-2] + data, limits=limits).pixels, expected)


def test_a_motion_jpeg_image_without_tables_decodes() -> None:
    data = _photo("wider colours")
    frame = without(data, 0xC4)
    assert len(frame) < len(data) - 400
    expected = decode(data, limits=LIMITS).pixels
    assert np.array_equal(decode(frame, limits=LIMITS).pixels, expected)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_behind_a_warning_is_found_as_without_it(data: st.DataObject) -> None:
    file = bytearray(_photo(data.draw(st.sampled_from(sorted(PHOTOS)))))
    start = file.index(b"\xff\xda") + 14
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(start, len(file) - 3))
        file[place] = data.draw(st.integers(0, 254))
    broken = bytes(file)
    alone = error_reason(broken)
    if alone is not None:
        assert error_reason(in_front(broken, profile(0, 0))) is alone


@pytest.mark.parametrize("name", ["01_no_eoi_samsung_trailer.jpg", "E2_icc_twice.jpg"])
def test_photos_of_cameras_with_faults_decode(name: str) -> None:
    data = case(name)
    picture = decode(data, limits=LIMITS)
    assert (picture.width, picture.height) == (512, 512)
    with Image.open(BytesIO(data)) as image:
        assert np.abs(to_bgr(picture) - bgr(image)).max() <= 2


@pytest.mark.parametrize(
    "name", ["E3_com_short_and_cut_with_eoi.jpg", "E3_control_cut_with_eoi.jpg"]
)
def test_half_a_photo_is_corrupt(name: str) -> None:
    assert error_reason(case(name)) is Reason.CORRUPT_IMAGE
