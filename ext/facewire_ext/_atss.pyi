"""Types of `_atss.pyx`; the docstrings are there."""

from collections.abc import Sequence
from typing import Final, final

from facewire_ext._arrays import Array
from facewire_ext._levels import Levels
from facewire_ext._placement import Placement
from facewire_ext._workspace import Workspace

SCORE_FUSIONS: Final[tuple[str, str]]

@final
class AtssLevels(Levels):
    def __init__(
        self,
        levels: Sequence[tuple[Array, Array, Array]],
        *,
        strides: Sequence[float],
        octave_base_scale: float,
        target_stds: Sequence[float] = (0.1, 0.1, 0.2, 0.2),
        score_fusion: str = "product",
    ) -> None: ...

def decode_atss(
    levels: AtssLevels,
    boxes: Array,
    confidences: Array,
    class_ids: Array,
    *,
    placement: Placement,
    min_confidence: float,
    iou_threshold: float | None = None,
    candidates_per_level: int = 0,
    workspace: Workspace,
) -> int: ...
