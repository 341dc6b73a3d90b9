"""gRPC's context of a call that has come through Serve's proxy."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import grpc.aio
from google.protobuf.message import Message
from ray.serve.grpc_util import RayServegRPCContext

Parse = Callable[[bytes], Any]


class ProxiedContext:
    """What the handlers of calls use of `grpc.aio.ServicerContext`, on top of Serve's context.

    Serve tells of no deadline: a caller whose deadline passes cancels the call.
    """

    def __init__(self, served: RayServegRPCContext, messages: AsyncIterator[Message]) -> None:
        self._served = served
        self._messages = messages
        self._answers: asyncio.Queue[Message | None] = asyncio.Queue()
        self._room = asyncio.Semaphore()
        self.parse: Parse = bytes
        """How the bytes of a message are read: the deserializer of the handler."""
        self.aborted = False
        """Whether the call has ended with a status other than OK."""

    def peer(self) -> str:
        """The caller's connection to the proxy."""
        return self._served.peer()

    def invocation_metadata(self) -> list[tuple[str, str]]:
        """The caller's metadata."""
        return self._served.invocation_metadata()

    def time_remaining(self) -> float | None:
        """None: see the class."""
        return None

    async def read(self) -> Any:
        """Return the next message, or EOF. Raises what the parser of the handler raises.

        The proxy has parsed it already. It is parsed anew in the way of this server: the
        image is cut out of it, and a message over the limit is not looked at.
        """
        message = await anext(self._messages, None)
        return grpc.aio.EOF if message is None else self.parse(message.SerializeToString())

    async def write(self, answer: Message) -> None:
        """Pass an answer on to `answers`; waits while the one before it was not taken."""
        await self._room.acquire()
        self._answers.put_nowait(answer)

    async def answers(self) -> AsyncIterator[Message]:
        """Yield what is written, until `finish`."""
        while (answer := await self._answers.get()) is not None:
            self._room.release()
            yield answer

    def finish(self) -> None:
        """End `answers`."""
        self._answers.put_nowait(None)

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: tuple[tuple[str, Any], ...] = (),
    ) -> NoReturn:
        """Set the status of the call, which is sent when its handler has ended; raises."""
        self._served.set_code(code)
        self._served.set_details(details)
        self._served.set_trailing_metadata(list(trailing_metadata))
        self.aborted = True
        raise grpc.aio.AbortError(details)
