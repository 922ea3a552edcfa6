"""The cookie that holds a browser's sign-in.

Over TLS its name begins with `__Host-`, so that neither a subdomain nor a network can plant one. SameSite is Lax: with
Strict, a link in a chat or in a CRM would lead to the sign-in page.
"""

from fastapi import Request, Response

from app.api.forwarded import public_protocol

SECURE_NAME = "__Host-leadscore"
PLAIN_NAME = "leadscore"


def read_token(request: Request) -> str | None:
    """The token in the request's cookie. Over TLS, only the protected cookie counts."""
    secure = request.cookies.get(SECURE_NAME)
    return secure if secure or is_secure(request) else request.cookies.get(PLAIN_NAME)


def is_secure(request: Request) -> bool:
    """Whether the browser uses TLS. Its own `Origin` says so even if no proxy does."""
    return public_protocol(request) == "https" or request.headers.get("origin", "").startswith("https://")


def set_token(request: Request, answer: Response, token: str) -> None:
    """Without an age, so that the cookie ends with the browser's session; the database has the time limits."""
    secure = is_secure(request)
    name = SECURE_NAME if secure else PLAIN_NAME
    answer.set_cookie(name, token, path="/", secure=secure, httponly=True, samesite="lax")


def clear_token(answer: Response) -> None:
    answer.delete_cookie(SECURE_NAME, path="/", secure=True, httponly=True, samesite="lax")
    answer.delete_cookie(PLAIN_NAME, path="/", httponly=True, samesite="lax")
