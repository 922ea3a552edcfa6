"""`leadscore serve` and `worker`: the servers, and what they print when they start."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from errno import EADDRNOTAVAIL
from typing import Annotated, Any

import typer
import uvicorn
from fastapi import FastAPI

from app.cli.connections import Connection
from app.cli.demo import fill
from app.cli.garbage import collect_garbage_rarely
from app.cli.runtime import opened, read_settings
from app.cli.terminal import err
from app.errors import Unavailable
from app.main import create_app, create_worker
from app.services.keys import KeyKind, list_keys
from app.services.runtime import Runtime
from app.services.sign_ins import SignInKind, create_link
from app.settings import Settings

ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"  # noqa: S104 - only compared; the address is a setting

Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(help="The port to listen on.")]

commands = typer.Typer()


@commands.command()
def serve(
    host: Host = None,
    port: Port = None,
    *,
    workers: Annotated[
        bool, typer.Option(help="Also do the background work; without it, run `leadscore worker`.")
    ] = True,
    demo: Annotated[bool, typer.Option("--demo", help="First fill an empty database, like `leadscore demo`.")] = False,
) -> None:
    """Serve the API and do the background work."""
    settings = read_settings(host=host, port=port)
    if demo:
        fill(settings)
    _run(ApiServer, settings, lambda: create_app(settings, workers=workers))


@commands.command()
def worker(host: Host = None, port: Port = None) -> None:
    """Do only the background work: deliveries, sweeping, rollouts.

    Serves health checks and metrics.
    """
    settings = read_settings(host=host, port=port)
    _run(Server, settings, lambda: create_worker(settings))


def _run(kind: "type[Server]", settings: Settings, create: Callable[[], FastAPI]) -> None:
    asyncio.run(_try_to_open(settings))
    listening = _listen(settings)
    app = create()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Connection,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # app/api/client_addresses.py reads them, of trusted proxies only
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )
    kind(config, app.state.runtime).run(sockets=listening)


def _listen(settings: Settings) -> list[socket.socket]:
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return bind(sorted({(family, address) for family, *_, address in found}))  # sorted: IPv4 comes first
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a valid host name"
        msg = f"Port {settings.port} of {settings.host} is not available: {reason}. Choose others with --host"
        err.print(f"{msg} and --port, or LEADSCORE_HOST and LEADSCORE_PORT.", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None


def bind(addresses: list[tuple[int, Any]]) -> list[socket.socket]:
    """A socket for each address of a host, all on one port. Addresses that this machine doesn't have are skipped."""
    listening: list[socket.socket] = []
    missing: OSError | None = None
    for family, (host, port, *scope) in addresses:
        same_port = listening[0].getsockname()[1] if listening else port
        takes_ipv4_too = host == ANY_IPV6 and socket.has_dualstack_ipv6()
        try:
            address = (host, same_port, *scope)
            listening.append(socket.create_server(address, family=family, dualstack_ipv6=takes_ipv4_too))
        except OSError as error:
            if error.errno != EADDRNOTAVAIL:
                raise
            missing = error
    if missing and not listening:
        raise missing
    return listening


def local_url(host: str, port: int) -> str:
    """The URL at which this machine reaches a server that listens on this address."""
    host = {ANY_IPV4: "127.0.0.1", ANY_IPV6: "localhost"}.get(host, host)
    return f"http://[{host.replace('%', '%25')}]:{port}" if ":" in host else f"http://{host}:{port}"


async def sign_in_url(runtime: Runtime, url: str, user: str, kind: SignInKind) -> str:
    """The URL of a new link that signs one browser in to the screen of the server at `url`."""
    token = await create_link(runtime.database, user, kind, runtime.clock())
    return f"{url.rstrip('/')}/ui/sign-in/{token}"


async def _try_to_open(settings: Settings) -> None:
    """Open the database once, so that a failure is one sentence instead of the server's traceback."""
    async with opened(settings, quietly=True):  # keep standard error for the log
        pass


class Server(uvicorn.Server):
    """Prints its URL once it listens, and reports itself unready before it stops."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self.runtime = runtime

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port, *_ = self.servers[0].sockets[0].getsockname()
            await self.announce(local_url(host, port))
            collect_garbage_rarely()

    async def announce(self, url: str) -> None:
        print(f"leadscore's worker listens on {url} (/livez, /readyz, /metrics)", flush=True)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        self.runtime.stopping = True  # for /readyz, while requests are still answered
        await asyncio.sleep(self.runtime.settings.shutdown_delay_s)
        self.runtime.feed.close()  # readers who wait for changes would delay the end
        await super().shutdown(sockets)


class ApiServer(Server):
    """Also creates the first keys of an embedded database."""

    async def announce(self, url: str) -> None:
        keys_made = await self.runtime.make_first_keys()  # only now: if the port was taken, they would be lost
        if keys_made:
            _introduce(url, {made.key.kind: made.secret for made in keys_made})
            if self.runtime.settings.screen == "on":
                link = await sign_in_url(self.runtime, url, "operator", "admin")
                print(f"See your leads in a browser (this link is good once, for 10 minutes):\n{link}\n")
        with suppress(Unavailable):  # only a hint; requests are already being served
            if not await list_keys(self.runtime.database):
                print("There are no keys yet: create them with `leadscore keys create`.")
        print(f"leadscore listens on {url} (documentation: {url}/docs)", flush=True)


INTRODUCTION = """
These keys are shown only once. Try them:

# a visitor looks at the pricing page
curl -s "{url}/v1/page" -u {write}: \\
  -d '{{"anonymousId": "a1", "context": {{"page": {{"path": "/pricing"}}}}}}'

# a form is submitted
curl -s "{url}/v1/forms/contact" -d writeKey={write} \\
  -d anonymousId=a1 -d email=ada@example.com -d company_size=80

# the product identifies the visitor and reports a trial
curl -s "{url}/v1/batch" -u {server}: -d '{{"batch": [
  {{"type": "identify", "userId": "u1", "traits": {{"email": "ada@example.com"}}}},
  {{"type": "track", "userId": "u1", "event": "Trial Started"}}]}}'

# what stage is she in?
curl -s "{url}/v1/leads/lookup?email=ada@example.com" -H "Authorization: Bearer {read}"

# and why? (the first value in that answer is her id)
curl -s -H "Authorization: Bearer {read}" "{url}/v1/leads/$( \\
  curl -s "{url}/v1/leads/lookup?email=ada@example.com" -H "Authorization: Bearer {read}" | cut -d '"' -f 4)/score"
"""


def _introduce(url: str, secrets: dict[KeyKind, str]) -> None:
    print(f"URL={url}")  # as shell variables, which the documentation's commands use
    for kind, secret in secrets.items():
        print(f"{kind.upper()}={secret}")
    print(INTRODUCTION.format(url=url, **secrets))
