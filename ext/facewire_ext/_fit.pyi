"""Types of `_fit.pyx`; the docstrings are there."""

from facewire_ext._arrays import Array

def fit(
    pixels: Array,
    out: Array,
    *,
    place: tuple[int, int, int, int] | None = None,
    orientation: int = 1,
    rgb: bool = False,
    pad_value: int = 0,
) -> None: ...
def fit_yuv(
    luma: Array,
    u: Array,
    v: Array,
    out: Array,
    *,
    kept: tuple[int, int, int, int] | None = None,
    place: tuple[int, int, int, int] | None = None,
    orientation: int = 1,
    pad_value: int = 0,
) -> None: ...
