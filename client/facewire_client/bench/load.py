"""What a load is, and what it sends with."""

from collections.abc import Coroutine
from typing import Any, Protocol

from facewire_client.bench.window import Window


class Sender(Protocol):
    """Sends requests and keeps the record of them."""

    def send(self, planned: float) -> Coroutine[Any, Any, None]:
        """Sends the request planned for this time; awaits its end."""

    def give_up(self, planned: float) -> None:
        """Notes that the request planned for this time is never sent."""


class Load(Protocol):
    """Decides when requests are sent."""

    async def drive(self, sender: Sender, window: Window) -> None:
        """Sends what is planned until the window closes; returns when all has ended.

        When it is cancelled, it gives up what was due and not sent.
        """
