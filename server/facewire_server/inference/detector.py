"""The detector: opens an image, fits it, infers and reads boxes; needs no server."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import count

from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.image.decode import Image, open_image
from facewire_server.image.fit import fit
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import Picture
from facewire_server.image.target import Target
from facewire_server.inference.engine import Engine
from facewire_server.inference.heads.base import FilterOptions, Found
from facewire_server.inference.preprocess import PreprocessedNetwork
from facewire_server.inference.published_network import PublishedNetwork
from facewire_server.inference.runtime import Runtime
from facewire_server.inference.tiles import Grid, TileLimits, merge, move
from facewire_server.models.description import Description
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import Source

DEFAULT_MAX_DETECTIONS = 1000

_SERIALS = count()


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one request; None: the model's own default.

    `tiling`: whether the picture is divided into tiles. Raises RequestError (BAD_OPTION)
    for a threshold outside [0, 1], NaN included, and for `max_detections` under 1.
    """

    min_confidence: float | None = None
    iou_threshold: float | None = None
    max_detections: int | None = None
    tiling: bool | None = None

    def __post_init__(self) -> None:
        for name in ("min_confidence", "iou_threshold"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise RequestError(Reason.BAD_OPTION, f"{name} is {value}, not within [0, 1]")
        if self.max_detections is not None and self.max_detections < 1:
            raise RequestError(Reason.BAD_OPTION, "max_detections is 0, not at least 1")


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds spent on decoding and fitting, on the network, on its outputs.

    Of a picture in tiles they are sums.
    """

    decode: float = 0.0
    inference: float = 0.0
    postprocess: float = 0.0

    def __add__(self, other: "Stages") -> "Stages":
        return Stages(
            self.decode + other.decode,
            self.inference + other.inference,
            self.postprocess + other.postprocess,
        )


@dataclass(frozen=True, slots=True)
class Detections:
    """The detections of `model` in one image of `width` x `height` upright pixels.

    `cached`: they are those of an earlier request, and all stages are 0.
    """

    model: Description
    found: Found
    width: int
    height: int
    stages: Stages
    cached: bool = False


def _not_exclusive(_: int = 1) -> bool:
    """The default checkpoint: it never cancels, and does not claim all of the device."""
    return False


class Detector:
    """One compiled and warm model; any number of threads may call `detect` at a time."""

    def __init__(self, source: Source, runtime: Runtime, files: ModelFiles | None = None) -> None:
        """Read, compile and warm the model. Raises ModelError.

        `files` are its files, read before; None: they are read now.
        """
        self.serial = next(_SERIALS)
        """The number of this load in the process: a model that is loaded again gets another."""
        files = files or source.read()
        network, self._engine = _compiled(source, files, runtime)
        self.published = PublishedNetwork(source, files, runtime, self._engine)
        """The network in its files, for callers who send its own input."""
        head = network.head
        self.target = Target(*network.input_size, head.resize)
        """How large the network sees an image."""
        self._head = head
        self._grid = Grid.of(head, network.input_size, DEFAULT_MAX_DETECTIONS)
        self.tiled = self._grid.is_trained if runtime.tiles is None else runtime.tiles
        """Whether images are divided into tiles, where requests do not say."""
        self.source = source
        with ThreadPoolExecutor(1) as thread:
            warming = thread.submit(self._warm)
            self.description = _describe(source, network, self._engine)
            self.parallel = self._engine.parallel_requests
            """How many requests at a time keep the device busy."""
            warming.result()

    def detect(
        self,
        image: Image,
        options: Options,
        limits: ImageLimits,
        checkpoint: Callable[..., bool] = _not_exclusive,
    ) -> Detections:
        """Detect faces in one image.

        `checkpoint` is called when the image is in the network's input and the device is
        free for it: the last point at which the caller may cancel, by raising. It returns
        whether this is the only request, which may then use all of the device. For an image
        that is divided into tiles it is called before each of them, with the number of tiles
        that are left. Raises what `open_image` and `checkpoint` raise.
        """
        if self.tiled if options.tiling is None else options.tiling:
            return self._detect_in_tiles(image, options, limits, checkpoint)
        started = time.perf_counter()
        picture = open_image(image, limits, self.target)
        found, stages = self._look(picture, options, checkpoint, started)
        return Detections(self.description, found, picture.width, picture.height, stages)

    def _detect_in_tiles(
        self,
        image: Image,
        options: Options,
        limits: ImageLimits,
        checkpoint: Callable[..., bool],
    ) -> Detections:
        """Detect in each tile of the picture at its full size, and merge what was found."""
        started = time.perf_counter()
        picture = open_image(image, TileLimits.of(limits, self._grid), None)
        tiles = self._grid.tiles(picture)
        of_tile = replace(options, max_detections=None)
        parts, stages = [], Stages()
        for left, tile in zip(range(len(tiles), 0, -1), tiles, strict=True):
            part = picture.crop(*tile)
            go_on = partial(checkpoint, left)
            found, spent = self._look(part, of_tile, go_on, started)
            move(found, tile)
            parts.append(found)
            stages += spent
            started = time.perf_counter()
        iou_threshold = options.iou_threshold
        found = merge(
            parts,
            self._grid.iou_threshold if iou_threshold is None else iou_threshold,
            options.max_detections or self._grid.max_detections,
        )
        stages += Stages(postprocess=time.perf_counter() - started)
        return Detections(self.description, found, picture.width, picture.height, stages)

    def _look(
        self, picture: Picture, options: Options, checkpoint: Callable[[], bool], started: float
    ) -> tuple[Found, Stages]:
        """Detect in a picture as a whole; decoding began at `started`."""
        head, min_confidence = self._head, options.min_confidence
        iou_threshold = options.iou_threshold
        chosen = FilterOptions(
            head.min_confidence if min_confidence is None else min_confidence,
            head.iou_threshold if iou_threshold is None else iou_threshold,
            options.max_detections or head.max_detections or DEFAULT_MAX_DETECTIONS,
        )
        with self._engine.slot() as slot:
            placement = fit(picture, slot.image, mode=self.target.mode, pad_value=head.pad_value)
            decoded = time.perf_counter()
            with slot.device:
                exclusive = checkpoint()
                reader = slot.infer(exclusive=exclusive)
            inferred = time.perf_counter()
            found = reader.read(placement, chosen)
            finished = time.perf_counter()
        return found, Stages(decoded - started, inferred - decoded, finished - inferred)

    def _warm(self) -> None:
        """Run each network once: OpenVINO finishes its preparation at the first inference."""
        for exclusive in (True, False):
            with self._engine.slot() as slot:
                slot.infer(exclusive=exclusive)


def _compiled(
    source: Source, files: ModelFiles, runtime: Runtime
) -> tuple[PreprocessedNetwork, Engine]:
    """Load the network and compile its engine. Raises ModelError."""
    network = PreprocessedNetwork.load(source, files, runtime)
    entry = network.cache_entry
    if entry is None:
        return network, Engine(network, runtime)
    try:
        engine = Engine(network, runtime)
    except ModelError:
        # The cached network may be at fault. With a wrong device or property a fresh one
        # fails as well, and the cache entry stays.
        network = PreprocessedNetwork.build(source, files)
        engine = Engine(network, runtime)
        entry.delete()
    else:
        entry.record_blobs()
    return network, engine


def _describe(source: Source, network: PreprocessedNetwork, engine: Engine) -> Description:
    head = network.head
    width, height = network.input_size
    return Description(
        name=source.name,
        labels=head.labels,
        head=head.title,
        resize=head.resize,
        input_width=width,
        input_height=height,
        device=engine.device,
        precision=engine.precision,
        sha256=network.sha256,
        min_confidence=head.min_confidence,
        iou_threshold=head.iou_threshold or 0.0,
        landmarks=head.landmarks,
        signature=network.signature,
    )
