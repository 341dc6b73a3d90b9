"""The router of Serve's proxies: calls go where their model is loaded."""

import pickle
import random
from collections.abc import Sequence
from typing import Any

from ray.serve.request_router import (
    MultiplexMixin,
    PendingRequest,
    RequestRouter,
    RunningReplica,
)

CHOICES = 2
"""Of so many replicas, chosen at random, the one with the shortest queue gets the call."""


FIELDS = ("model", "model_name")
"""The fields of requests that name a model, in the two services."""


class ModelRouter(MultiplexMixin, RequestRouter):
    """Prefers replicas that have the model, then those with the fewest models.

    Runs in the proxies. Serve's own router knows the model only if callers send it as
    metadata, too.
    """

    _default_model = ""

    def initialize_state(self, **kwargs: Any) -> None:
        """Take the arguments of the RequestRouterConfig. Called by Serve.

        `default_model` is the name of the model for requests that name none.
        """
        self._default_model = kwargs["default_model"]

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """Return candidates in the order of preference. Called by Serve."""
        model = None if pending_request is None else requested_model(pending_request)
        if model is None:
            return [_some(candidate_replicas)]
        model = model or self._default_model
        ranks = self.rank_replicas_via_multiplex(candidate_replicas, model)
        return [_some(rank) for rank in ranks if rank]


def _some(replicas: Sequence[RunningReplica]) -> list[RunningReplica]:
    return random.sample(replicas, min(CHOICES, len(replicas)))


def requested_model(pending: PendingRequest) -> str | None:
    """Return the model that a call names; empty: it names none. None: it is not known.

    It is not known of streams, whose messages come later, and of calls that need no model.
    """
    if pending.metadata.multiplexed_model_id:
        return str(pending.metadata.multiplexed_model_id)
    if not pending.args:
        return None
    # Serve passes the message to the replica in an object of its own, which is pickled.
    message = getattr(pickle.loads(pending.args[0]), "user_request_proto", None)
    for field in FIELDS:
        name = getattr(message, field, None)
        if isinstance(name, str):
            return name
    return None
