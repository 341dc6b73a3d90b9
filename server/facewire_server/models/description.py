"""What a loaded model is: what GetModel answers and `models info` prints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A loaded model.

    `input_width` and `input_height` in pixels; `sha256` of the weights file, in
    hexadecimal; `iou_threshold` 0: the model suppresses by itself.
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

    @property
    def version(self) -> str:
        """Tells one set of weights under a name from another."""
        return self.sha256[:12]

    def label(self, class_id: int) -> str:
        """The name of a class; empty: it has none."""
        return self.labels[class_id] if class_id < len(self.labels) else ""
