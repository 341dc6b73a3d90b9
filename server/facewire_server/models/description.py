"""The description of a loaded model: what GetModel answers and `models info` prints."""

from dataclasses import dataclass

from facewire_server.models.signature import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A loaded model.

    `input_width` and `input_height` are in pixels; `sha256` is that of the weights file,
    in hexadecimal; `iou_threshold` 0: the network suppresses overlaps itself; `landmarks`:
    whether it finds five of them for each face; `signature`: of the network in its files,
    None: callers cannot send its input.
    """

    name: str
    labels: tuple[str, ...]
    head: str
    resize: str
    input_width: int
    input_height: int
    device: str
    precision: str
    sha256: str
    min_confidence: float
    iou_threshold: float
    landmarks: bool = False
    signature: Signature | None = None

    @property
    def version(self) -> str:
        """The first 12 digits of the hash: new weights under a name are a new version."""
        return self.sha256[:12]
