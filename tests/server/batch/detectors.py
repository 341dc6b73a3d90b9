"""Detectors whose faults are those of photos, for workers in other processes."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from facewire_server.batch.row import PhotoDetector
from facewire_server.batch.worker import Job
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detections, Options
from facewire_server.models.description import Description

FATAL, RAISING = b"fatal", b"raising"
"""Photos that end the process of their worker, or raise what nobody foresaw."""


class Faulty:
    """A detector that has a fault."""

    def __init__(self, load: Callable[[], PhotoDetector]) -> None:
        self._detector = load()

    @property
    def description(self) -> Description:
        """See PhotoDetector."""
        return self._detector.description

    def detect(self, image: EncodedImage, options: Options, limits: ImageLimits) -> Detections:
        """See PhotoDetector."""
        if image.data == FATAL:
            os._exit(1)
        if image.data == RAISING:
            raise ZeroDivisionError("by zero")
        return self._detector.detect(image, options, limits)


def with_faulty(make: Callable[..., Job]) -> Callable[..., Job]:
    """Have a function make jobs whose detectors are faulty."""

    def made(*arguments: Any) -> Job:
        job = make(*arguments)
        return replace(job, load=partial(Faulty, job.load))

    return made
