"""The heads that facewire can read: one file, and one line in HEADS, for each."""

from collections.abc import Sequence

from facewire_server.errors import ModelError
from facewire_server.inference.heads.atss import AtssHead
from facewire_server.inference.heads.base import Head
from facewire_server.inference.heads.boxes_labels import BoxesLabelsHead
from facewire_server.inference.heads.detr import DetrHead
from facewire_server.inference.heads.output import Output
from facewire_server.inference.heads.retinaface import RetinafaceHead
from facewire_server.inference.heads.scrfd import ScrfdHead
from facewire_server.inference.heads.ssd import SsdHead
from facewire_server.inference.heads.yolo import YoloHead
from facewire_server.inference.heads.yolo_levels import YoloLevelsHead
from facewire_server.inference.heads.yunet import YunetHead
from facewire_server.models.metadata import Metadata

__all__ = ["HEADS", "Head", "Output", "recognise"]

HEADS: tuple[type[Head], ...] = (
    BoxesLabelsHead,
    DetrHead,
    SsdHead,
    YunetHead,
    AtssHead,
    ScrfdHead,
    RetinafaceHead,
    YoloHead,
    YoloLevelsHead,
)


def recognise(outputs: Sequence[Output], input_size: tuple[int, int], metadata: Metadata) -> Head:
    """Recognise the head of a network by its outputs and metadata.

    `input_size` is (width, height) of the network's input in pixels. Raises ModelError,
    which lists the outputs and the known heads, if none fits, or names the setting that
    is missing if it can be read in more than one way.
    """
    for head_class in HEADS:
        head = head_class.recognise(outputs, input_size, metadata)
        if head is not None:
            return head
    seen = "; ".join(str(output) for output in outputs) or "no outputs"
    known = "; ".join(f"{head_class.title}: {head_class.expected}" for head_class in HEADS)
    declared = f", metadata model_type = {metadata.model_type}"
    raise ModelError(
        f"the outputs fit no known head. Seen: {seen}"
        f"{declared if metadata.model_type else ''}. Known: {known}."
    )
