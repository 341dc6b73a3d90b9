"""The models of a server, by name; the first is the default."""

from collections.abc import Iterator, Sequence

from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.inference.detector import Detector

LONGEST_NAME = 100
"""Characters of a name that an error repeats."""


class Registry:
    """Loaded models."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        """Raises ModelError for no model, and for two of one name."""
        self._detectors = {detector.description.name: detector for detector in detectors}
        if not detectors:
            raise ModelError("a server needs at least one model")
        if len(self._detectors) < len(detectors):
            raise ModelError("two of the models have the same name")

    def replace(self, name: str, detector: Detector) -> None:
        """Puts a model in the place of another.

        Requests that the old one works on keep it until they are answered. Raises
        ModelError when the new one's name is not the old one's: callers ask by it.
        """
        if detector.description.name != name:
            raise ModelError(
                f"it is called {detector.description.name!r} now, and callers ask for"
                f" {name!r}: a new name takes a new start"
            )
        self._detectors[name] = detector

    def __iter__(self) -> Iterator[Detector]:
        return iter(self._detectors.values())

    @property
    def default(self) -> Detector:
        """The model that answers when a request names none."""
        return next(iter(self))

    def get(self, name: str) -> Detector:
        """The model of this name; empty: the default one.

        Raises RequestError (UNKNOWN_MODEL).
        """
        if not name:
            return self.default
        try:
            return self._detectors[name]
        except KeyError:
            known = ", ".join(self._detectors)
            # However long it is, the answer has to fit into a header.
            asked = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}..."
            raise RequestError(
                Reason.UNKNOWN_MODEL,
                f"no model {asked!r} is loaded; there are: {known}",
            ) from None
