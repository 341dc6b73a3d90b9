"""The loaded models of a server, by name; the first is the default."""

from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from facewire_server.errors import ModelError, Reason, RequestError
from facewire_server.models.description import Description

MAX_NAME_LENGTH = 100
"""Characters of an unknown name that the error repeats: it has to fit into a header."""


class Described(Protocol):
    """An object with the description of a model."""

    @property
    def description(self) -> Description:
        """The description of the model."""


LoadedModel = TypeVar("LoadedModel", bound=Described)


class Registry(Generic[LoadedModel]):
    """Loaded models by name, in the order in which they were given."""

    def __init__(self, models: Sequence[LoadedModel]) -> None:
        """Raises ModelError for no models, and for two with the same name."""
        self._models = {model.description.name: model for model in models}
        if not models:
            raise ModelError("a server needs at least one model")
        if len(self._models) < len(models):
            raise ModelError("two of the models have the same name")

    def replace(self, name: str, model: LoadedModel) -> None:
        """Replace the model called `name`.

        Running requests keep the old one until they are answered. Raises ModelError if
        the new one has another name: callers ask by name.
        """
        if model.description.name != name:
            raise ModelError(
                f"it is called {model.description.name!r} now, and callers ask for"
                f" {name!r}: a new name takes a new start"
            )
        self._models[name] = model

    def __iter__(self) -> Iterator[LoadedModel]:
        return iter(self._models.values())

    @property
    def default(self) -> LoadedModel:
        """The model that answers requests which name none."""
        return next(iter(self))

    def get(self, name: str) -> LoadedModel:
        """Return the model called `name`; empty: the default one.

        Raises RequestError (UNKNOWN_MODEL).
        """
        if not name:
            return self.default
        try:
            return self._models[name]
        except KeyError:
            known = ", ".join(self._models)
            shown = name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}..."
            raise RequestError(
                Reason.UNKNOWN_MODEL,
                f"no model {shown!r} is loaded; there are: {known}",
            ) from None
