"""The command `leadscore`: serving, and what an operator does by hand. Everything else it leaves to the services."""

import asyncio
import gc
import gzip
import os
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, TypeVar, cast
from uuid import UUID

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.api.keys import KeyRequest
from app.errors import LeadscoreError, Unavailable, UnreadableFile, ValidationFailed
from app.logs import configure_logs
from app.main import create_app, utc_now
from app.scoring.document import ScoringModel
from app.scoring.engine import compile_model
from app.scoring.examples import run_examples
from app.scoring.model import InvalidModel, load_model
from app.services.history import History
from app.services.keys import KeyKind, create_key, list_keys, revoke_key
from app.services.models import activate
from app.services.runtime import Runtime
from app.services.sweep import Moves, count_leads, roll_out
from app.settings import Settings
from app.storage.migrations import migrate as migrate_database

LINES_AT_ONCE = 1_000

Result = TypeVar("Result")

cli = typer.Typer(no_args_is_help=True, add_completion=False, help="Lead scoring as a service.")
keys = typer.Typer(no_args_is_help=True, help="API keys: make, list and revoke them.")
model = typer.Typer(no_args_is_help=True, help="Scoring models: test them, and make one the active model.")
cli.add_typer(keys, name="keys")
cli.add_typer(model, name="model")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def main() -> None:
    """What the command `leadscore` runs. A refusal is one sentence on standard error, and exit status 1."""
    try:
        cli()
    except InvalidModel as error:
        for fault in error.faults:
            err.print(Text.assemble((fault.path, "red"), f": {fault.message}"), soft_wrap=True)
        sys.exit(1)
    except Unavailable:
        err.print("The database that LEADSCORE_DATABASE_URL names can't be reached, or takes no writes: is it running?")
        sys.exit(1)
    except LeadscoreError as error:
        err.print(error.detail, soft_wrap=True, markup=False)
        sys.exit(1)


def read_settings(**told: Any) -> Settings:
    try:
        settings = Settings(**{name: value for name, value in told.items() if value is not None})
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            err.print(f"LEADSCORE_{name}: {fault['msg']}", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    if settings.embedded and not settings.database_file.parent.is_dir():
        raise UnreadableFile(f"There is no folder {settings.database_file.parent} for the database: make it first.")
    configure_logs(settings.log_level)
    return settings


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
) -> None:
    """Serve the API, and sweep in the background."""
    settings = read_settings(host=host, port=port)
    asyncio.run(_try_to_open(settings))
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
    Server(config, app.state.runtime).run()


async def _try_to_open(settings: Settings) -> None:
    """So that a refusal to start is one sentence, where the server would print a traceback."""
    async with _open(settings):
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
        elif not await list_keys(self.runtime.database):
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

# where does she stand, and why?
curl -s "{url}/v1/leads/lookup?email=ada@example.com" -H "Authorization: Bearer {read}"
"""


def _introduce(url: str, secrets: dict[KeyKind, str]) -> None:
    for kind, secret in secrets.items():
        print(f"{kind:7}{secret}")
    print(INTRODUCTION.format(url=url, **secrets))


@cli.command()
def migrate() -> None:
    """Bring the database to the schema of this version. Several may start at once: one does it."""
    settings = read_settings()

    async def run() -> bool:
        runtime = Runtime(settings, utc_now)
        try:
            changed = await migrate_database(runtime.database)
            await runtime.open()
        finally:
            await runtime.database.close()
        return changed

    out.print("The schema is up to date now." if asyncio.run(run()) else "The schema was up to date already.")


@cli.command("import")
def import_history(
    file: Annotated[str, typer.Argument(help="JSON lines, `.gz` too; `-` is standard input.")],
    source: Annotated[str, typer.Option(help="The name under which these events are kept.")] = "import",
) -> None:
    """Import a file of history: one message a line. Running it again changes nothing."""
    refused = asyncio.run(_import(read_settings(), file, source))
    raise typer.Exit(1 if refused else 0)


async def _import(settings: Settings, file: str, source: str) -> int:
    """How many lines were refused."""
    totals: Counter[str] = Counter()
    async with _started(settings) as runtime:
        history = History(runtime.writer, source, utc_now)
        with _opened(file) as (lines, position, size), _bar("bytes") as bar:
            task = bar.add_task("importing", total=size, messages=0)
            messages = _whole(lines, file)
            while chunk := list(islice(messages, LINES_AT_ONCE)):
                step = await history.store(chunk)
                for refusal in step.refused:
                    bar.print(f"line {refusal.line}: {refusal.code}: {refusal.detail}", markup=False, soft_wrap=True)
                totals.update(accepted=step.accepted, duplicates=step.duplicates, refused=len(step.refused))
                bar.update(task, completed=position(), messages=totals.total())
    out.print(", ".join(f"{totals[name]:,} {name}" for name in ("accepted", "duplicates", "refused")))
    return totals["refused"]


@contextmanager
def _opened(file: str) -> Iterator[tuple[IO[bytes], Callable[[], int | None], int | None]]:
    """The lines of a file; how far it has been read, in bytes of the file as it lies there; and its size."""
    if file == "-":
        yield sys.stdin.buffer, lambda: None, None
        return
    try:
        raw = Path(file).open("rb")  # noqa: SIM115 - closed below, around what unpacks it
    except OSError as error:
        raise UnreadableFile(f"{file}: {error.strerror}. Name a file of JSON lines, or - for standard input.") from None
    with raw:
        size = os.fstat(raw.fileno()).st_size
        yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if file.endswith(".gz") else raw), raw.tell, size


def _whole(lines: IO[bytes], file: str) -> Iterator[bytes]:
    try:
        yield from lines
    except (EOFError, OSError, zlib.error):
        msg = (
            f"{file} is no whole gzip file. Import it again when it is: what was read stays, and is not counted twice."
        )
        raise UnreadableFile(msg) from None


def _bar(unit: str) -> Progress:
    """A progress bar that also tells the rate; nothing of it is shown where standard error is no terminal."""
    done = TextColumn("{task.fields[messages]:,} messages") if unit == "bytes" else MofNCompleteColumn()
    columns = TextColumn("{task.description}"), BarColumn(), done, Rate(), TimeRemainingColumn()
    return Progress(*columns, console=err, disable=not err.is_terminal)


class Rate(ProgressColumn):
    """Messages or leads a second, since the beginning."""

    def render(self, task: Task) -> Text:
        done = task.fields.get("messages", task.completed)
        return Text(f"{done / task.elapsed:,.0f}/s" if task.elapsed else "")


@keys.command("create")
def create(
    kind: Annotated[KeyKind, typer.Option(help="What the key may do.")],
    name: Annotated[str, typer.Option(help="What it is for. Events keep it as their source.")],
    origin: Annotated[list[str] | None, typer.Option(help="For a write key: an origin that may use it.")] = None,
    event: Annotated[list[str] | None, typer.Option(help="For a write key: an event that it may send.")] = None,
) -> None:
    """Make a key and print it, alone, on standard output. It is not shown again."""
    try:
        wanted = KeyRequest(kind=kind, name=name, origins=origin or None, events=event or None)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'the key'}: {fault['msg']}" for fault in error.errors()]
        raise ValidationFailed("; ".join(faults)) from None
    made = _with_database(
        lambda runtime: create_key(
            runtime.database, kind, wanted.name, utc_now(), origins=wanted.origins, events=wanted.events
        )
    )
    print(made.secret)


@keys.command("list")
def list_all() -> None:
    """List all keys: how they begin, what they are for, whether they were revoked."""
    print(KEY_LINE.format("id", "kind", "begins with", "created", "revoked", "name"))
    for key in _with_database(lambda runtime: list_keys(runtime.database)):
        times = [f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in (key.created_at, key.revoked_at)]
        print(KEY_LINE.format(str(key.id), key.kind, key.hint, *times, key.name))


@keys.command("revoke")
def revoke(key_id: Annotated[UUID, typer.Argument(help="The id, as `leadscore keys list` shows it.")]) -> None:
    """Revoke a key. Servers that run stop accepting it within 5 seconds."""
    _with_database(lambda runtime: revoke_key(runtime.database, key_id, utc_now()))
    out.print("Revoked.")


KEY_LINE = "{:36}  {:6}  {:16}  {:16}  {:16}  {}"

ModelFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A scoring model, as YAML or JSON.")]


@model.command("test")
def test_model(file: ModelFile) -> None:
    """Run a model's examples. The exit status is 1 if one of them fails."""
    if not _examples_hold(_read_model(file)):
        raise typer.Exit(1)


@model.command("apply")
def apply_model(file: ModelFile) -> None:
    """Make a document the active model, if its examples hold, and evaluate every lead by it."""
    document = _read_model(file)
    if not _examples_hold(document):
        err.print("The model was not applied: its examples fail.")
        raise typer.Exit(1)
    version, moves = _with_database(lambda runtime: _apply(runtime, document))
    out.print(f"Version {version} of the model is active; {moves:,} leads changed their stage.")


def _read_model(file: Path) -> ScoringModel:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UnreadableFile(f"{file} is not UTF-8: save it as that.") from None
    return load_model(text)


def _examples_hold(document: ScoringModel) -> bool:
    results = run_examples(compile_model(document, version=0))
    for result in results:
        err.print(f"{'failed' if result.failures else 'holds':6}  {result.name}", markup=False, soft_wrap=True)
        for failure in result.failures:
            err.print(f"        {failure}", markup=False, soft_wrap=True)
    failed = sum(bool(result.failures) for result in results)
    err.print(f"{len(results) - failed} of {len(results)} examples hold.")
    return not failed


async def _apply(runtime: Runtime, document: ScoringModel) -> tuple[int, int]:
    version = await activate(runtime.database, document, utc_now())
    moved = 0
    with _bar("leads") as bar:
        task = bar.add_task("evaluating leads", total=await count_leads(runtime.database, version))

        def progress(leads: int, moves: Moves) -> None:
            nonlocal moved
            moved += len(moves)
            bar.advance(task, leads)

        await roll_out(runtime.database, runtime.models, utc_now, runtime.settings.sweep_chunk, progress)
    return version, moved


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Runtime]:
    """The database that the settings name, once it is known to be up to date."""
    runtime = Runtime(settings, utc_now)
    try:
        await runtime.open()
        yield runtime
    finally:
        await runtime.database.close()


@asynccontextmanager
async def _started(settings: Settings) -> AsyncIterator[Runtime]:
    runtime = Runtime(settings, utc_now)
    try:
        await runtime.start()
        yield runtime
    finally:
        await runtime.stop()


def _with_database(job: Callable[[Runtime], Awaitable[Result]]) -> Result:
    settings = read_settings()

    async def run() -> Result:
        async with _open(settings) as runtime:
            return await job(runtime)

    return asyncio.run(run())
