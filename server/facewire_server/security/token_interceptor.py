"""What calls pass before they reach a handler, where tokens are asked for.

Rule: whatever is not named OPEN needs a token, methods that do not exist included.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc.aio
from grpc_health.v1 import health

from facewire_server.errors import Reason, RequestError
from facewire_server.rpc.call import Context
from facewire_server.rpc.calls import Calls
from facewire_server.security.tokens import Tokens

OPEN = frozenset(f"/{health.SERVICE_NAME}/{name}" for name in ("Check", "Watch"))
"""What probes call; they have no tokens."""

UNKNOWN = "unknown"
"""The name of every service and method that the server does not have."""

MESSAGE = "a token is asked for, as authorization: Bearer TOKEN, and is missing or wrong"
"""The same whatever is wrong, so that it helps nobody to guess."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Lets a call through to its handler, or has the gate refuse it."""

    def __init__(self, tokens: Tokens, gate: Calls) -> None:
        self._tokens = tokens
        self._gate = gate

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler of a call, or one that refuses it. Called by gRPC."""
        handler = await continuation(handler_call_details)
        if handler_call_details.method in OPEN or self._tokens.admit(
            [
                str(value)
                for key, value in handler_call_details.invocation_metadata
                if key == "authorization"
            ]
        ):
            return handler
        if handler is None:
            return self._refusal(UNKNOWN, UNKNOWN)
        _, service, method = handler_call_details.method.split("/")
        return self._refusal(service, method)

    def _refusal(self, service: str, method: str) -> Handler:
        """Refuses a call of any kind.

        As a handler of streams it is called before the request is read, let alone
        parsed; callers do not see the difference.
        """

        async def refuse(requests: object, context: Context) -> None:
            error = RequestError(Reason.BAD_TOKEN, MESSAGE)
            await self._gate.refuse(context, service, method, error)

        return grpc.stream_stream_rpc_method_handler(refuse)
