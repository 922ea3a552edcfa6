"""`leadscore serve`: the server, and how it introduces itself to who starts it for the first time."""

import asyncio
import gc
import socket
from contextlib import suppress
from typing import Annotated, Any

import typer
import uvicorn

from app.cli.runtime import opened, read_settings
from app.cli.terminal import err
from app.errors import Unavailable
from app.services.keys import KeyKind, list_keys
from app.services.runtime import Runtime
from app.settings import Settings

commands = typer.Typer()


@commands.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Serve the API, and sweep in the background."""
    settings = read_settings(host=host, port=port)
    asyncio.run(_try_to_open(settings))
    listening = _listen(settings)
    from app.main import create_app  # noqa: PLC0415 - FastAPI would cost every other command a third of a second

    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody here asks where a request came from
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )
    Server(config, app.state.runtime).run(sockets=[listening])


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        msg = f"Port {settings.port} of {settings.host} can't be listened on: {error.strerror}. Name others by --host"
        err.print(f"{msg} and --port, or by LEADSCORE_HOST and LEADSCORE_PORT.", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None


async def _try_to_open(settings: Settings) -> None:
    """So that a refusal to start is one sentence, where the server would print a traceback."""
    async with opened(settings, quietly=True):  # a first start introduces itself, and standard error is for the log
        pass


class Server(uvicorn.Server):
    """Says where it listens, with the first keys if it made them, and stops in the order that load balancers need."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self.runtime = runtime

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        if not self.started:
            return
        host, port, *_ = self.servers[0].sockets[0].getsockname()
        url = f"http://{host}:{port}"
        keys_made = await self.runtime.make_first_keys()  # only now: on a port that is taken they would be lost
        if keys_made:
            _introduce(url, {made.key.kind: made.secret for made in keys_made})
        with suppress(Unavailable):  # it is only a hint, and requests are served already
            if not await list_keys(self.runtime.database):
                print("There are no keys yet: make them with `leadscore keys create`.")
        gc.freeze()  # what was made until now stays; looking it through again would hold up requests
        print(f"leadscore listens on {url} (documentation: {url}/docs)", flush=True)

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        self.runtime.stopping = True  # /readyz says so, while there is still somebody to answer it
        await asyncio.sleep(self.runtime.settings.shutdown_delay_s)
        await super().shutdown(sockets)


INTRODUCTION = """
These keys are shown this once. With them, the main job is:

# a visitor looks at the prices
curl -s {url}/v1/page -u {write}: \\
  -d '{{"anonymousId": "a1", "context": {{"page": {{"path": "/pricing"}}}}}}'

# a website's form is sent
curl -s {url}/v1/forms/contact -d writeKey={write} \\
  -d anonymousId=a1 -d email=ada@example.com -d company_size=80

# the product reports who it is, and a trial
curl -s {url}/v1/batch -u {server}: -d '{{"batch": [
  {{"type": "identify", "userId": "u1", "traits": {{"email": "ada@example.com"}}}},
  {{"type": "track", "userId": "u1", "event": "Trial Started"}}]}}'

# where does she stand?
curl -s "{url}/v1/leads/lookup?email=ada@example.com" -H "Authorization: Bearer {read}"

# and why? (her id is the first value of that answer)
curl -s -H "Authorization: Bearer {read}" {url}/v1/leads/$( \\
  curl -s "{url}/v1/leads/lookup?email=ada@example.com" -H "Authorization: Bearer {read}" | cut -d '"' -f 4)/score
"""


def _introduce(url: str, secrets: dict[KeyKind, str]) -> None:
    print(f"URL={url}")  # as variables of a shell: the documentation's commands use them
    for kind, secret in secrets.items():
        print(f"{kind.upper()}={secret}")
    print(INTRODUCTION.format(url=url, **secrets))
