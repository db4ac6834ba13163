"""Who may send requests."""

from __future__ import annotations

import hmac
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from libra_provider.server.api import errors
from libra_provider.server.errors import NotAuthorized, Refusal, WrongMethod
from libra_provider.server.signed_urls import SignedPath, Signer

# Orchestrators probe without a token; what the API looks like is no secret.
_OPEN_TO_ALL = frozenset({"/livez", "/readyz", "/openapi.json", "/docs"})


class AuthMiddleware:
    """Middleware: whoever presents neither *token* nor what *signer* has signed learns nothing.

    Nobody is listened to before. What is behind the gate never sees a signature, so it cannot show
    one either.
    """

    def __init__(self, app: ASGIApp, *, token: str | None, signer: Signer) -> None:
        self._app = app
        self._token = token
        self._signer = signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401, 403 or 405 before its body is read."""
        try:
            if scope["type"] == "http":
                self._check(scope)
        except Refusal as refusal:
            await errors.of(refusal)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if signed := SignedPath.of(scope["path"]):
            # In place: uvicorn's access log looks at this very scope.
            scope["path"], scope["raw_path"] = signed.masked, quote(signed.masked).encode()
            if scope["method"] not in signed.purpose.methods:
                sentence = f"{scope['method']} {signed.masked}: Method Not Allowed."
                raise WrongMethod(sentence, signed.purpose.methods)
            self._signer.check(signed)
        elif self._token is not None and not self._may_pass(scope, self._token):
            raise NotAuthorized("The bearer token is missing or wrong; send Libra's token.")

    @staticmethod
    def _may_pass(scope: Scope, token: str) -> bool:
        if scope["path"] in _OPEN_TO_ALL:
            return True
        header = Headers(scope=scope).get("Authorization", "")
        scheme, _, presented = header.partition(" ")
        # Constant time: how long it takes must not tell how much of a guess is right.
        right = hmac.compare_digest(presented.strip().encode(), token.encode())
        return right and scheme.lower() == "bearer"
