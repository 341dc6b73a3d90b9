"""What a detector finds, for models that find the same in every image."""

from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options

BLACK = RawImage(data=bytes(64 * 64 * 3), width=64, height=64, layout=PixelLayout.BGR)


def boxes_of(detector: Detector) -> list[tuple[float, ...]]:
    """The boxes in a black picture of 64 x 64 pixels."""
    found = detector.detect(BLACK, Options(), ImageLimits(64 * 64)).found
    return [tuple(map(float, box)) for box in found.boxes]
