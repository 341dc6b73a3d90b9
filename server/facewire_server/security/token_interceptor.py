"""The interceptor that requires a token of every call.

Rule: only the methods in OPEN are answered without one; methods that the server does not
have are refused, too.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import grpc.aio
from grpc_health.v1 import health

from facewire_server.errors import FacewireError, Reason, RequestError
from facewire_server.security.tokens import Tokens

OPEN = frozenset(f"/{health.SERVICE_NAME}/{name}" for name in ("Check", "Watch"))
"""The methods that probes call; probes have no tokens."""

UNKNOWN = "unknown"
"""The name under which services and methods that the server does not have are counted."""

MESSAGE = "a token is asked for, as authorization: Bearer TOKEN, and is missing or wrong"
"""The same for every mistake: a difference would help to guess a token."""

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

Refuse = Callable[[Context, str, str, FacewireError], Awaitable[None]]
"""Ends a call with an error and counts it, given its service and its method."""


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Passes a call with a valid token to its handler, and refuses any other."""

    def __init__(self, tokens: Tokens, refuse: Refuse) -> None:
        self._tokens = tokens
        self._refuse = refuse

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return the handler of a call, or one that refuses it. Called by gRPC."""
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
            return self._refusing_handler(UNKNOWN, UNKNOWN)
        _, service, method = handler_call_details.method.split("/")
        return self._refusing_handler(service, method)

    def _refusing_handler(self, service: str, method: str) -> Handler:
        """Make a handler that refuses a call, of a stream or of a single message.

        It is a stream handler for both: gRPC calls it before it has read a message, so no
        message without a token is parsed. On the wire the kinds do not differ.
        """

        async def refuse(requests: object, context: Context) -> None:
            await self._refuse(context, service, method, RequestError(Reason.BAD_TOKEN, MESSAGE))

        return grpc.stream_stream_rpc_method_handler(refuse)
