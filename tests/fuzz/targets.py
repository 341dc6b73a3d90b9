"""The fuzz targets by name, with the seeds of each."""

from collections.abc import Callable
from typing import NamedTuple

from tests.fuzz import extension_target, image_target, infer_target, request_target, seeds


class FuzzTarget(NamedTuple):
    """A function that tries one input, and the first inputs."""

    try_input: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


TARGETS = {
    "image": FuzzTarget(image_target.try_input, seeds.image_seeds),
    "request": FuzzTarget(request_target.try_input, seeds.request_seeds),
    "infer": FuzzTarget(infer_target.try_input, seeds.infer_seeds),
    "extension": FuzzTarget(extension_target.try_input, seeds.extension_seeds),
}
