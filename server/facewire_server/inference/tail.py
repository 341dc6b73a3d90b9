"""Serving a network without the tail in its graph, where facewire does the same."""

import logging

from openvino import Model

from facewire_server.errors import ModelError
from facewire_server.inference.heads import Head
from facewire_server.inference.heads.boxes_labels import BoxesLabelsHead
from facewire_server.inference.network import Network, gist, metadata_of
from facewire_server.models.metadata import Settings
from facewire_server.models.sidecar import merged
from facewire_server.models.source import Source

logger = logging.getLogger("facewire_server.model.tail")


def cut_tail(network: Network, head: Head, source: Source) -> Settings | None:
    """Cuts the tail off `network`, and returns the settings of what is left.

    `head` is the network's own. Defaults stay as they are, and suppression is by the
    tail's threshold, unless the file beside the model has another. None: the network
    is left whole, because no tail is recognised, or none that facewire is proven to
    do the same as; the log says why.
    """
    try:
        raw = _raw(network, head)
    except ModelError as reason:
        logger.info("model %s is served as it is: %s", source.name, reason)
        return None
    logger.info("model %s is served without its tail", source.name)
    own = source.override.metadata
    chosen = {key: own[key] for key in ("iou_threshold",) if key in own}
    # What was proven goes over all that was said of the whole network.
    settings = merged(source.settings(network.metadata), metadata_of(raw), chosen)
    network.model = raw
    return settings


def _raw(network: Network, head: Head) -> Model:
    """The network without its tail. Raises ModelError, which says why not."""
    # Imported here: a server that cuts nothing starts without NumPy's random numbers.
    from facewire_server.inference.cut import cut
    from facewire_server.inference.proof import proven

    if not isinstance(head, BoxesLabelsHead):
        raise ModelError(f"its head is {head.title}, not {BoxesLabelsHead.title}")
    try:
        parts = cut(network.model)
        if parts is None:
            raise ModelError("no tail of ATSS is recognised in it")
        if not proven(parts, network.input_size):
            raise ModelError("its tail finds other boxes than facewire would")
    except RuntimeError as error:
        raise ModelError(f"its tail does not run alone: {gist(error)}") from None
    return parts.raw
