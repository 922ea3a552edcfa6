"""The target of a model command: a document in a file, a version by its number, or the active version."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from app.cli.runtime import with_database
from app.documents.parameters import MAX_VERSION, VersionOrActive, number_of
from app.errors import NotFound, UnreadableFile
from app.scoring.document import ScoringModel
from app.scoring.engine import CompiledModel, compile_model
from app.services.models import Version, WrittenModel, get_version, read_written
from app.storage.db import Database

File = Annotated[str, typer.Argument(metavar="FILE", help="A scoring model in a file, as YAML or JSON.")]
Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="A file (YAML or JSON), a version's number, or `active`.")
]


@dataclass(frozen=True, slots=True)
class Found:
    """The model that a target names. `text`: as it was written, None if not in YAML. `version` is None for a file."""

    model: ScoringModel
    text: str | None
    version: Version | None

    @property
    def number(self) -> int | None:
        return self.version.number if self.version is not None else None

    def compiled(self) -> CompiledModel:
        return compile_model(self.model, self.number or 0)


def read_target(target: str) -> WrittenModel | VersionOrActive:
    """The model in a file; a version is not looked up yet. Raises `UnreadableFile` or `InvalidModel`."""
    if target == "active":
        return "active"
    if target.isascii() and target.isdecimal():
        return int(target)
    return read_model(target)


def read_model(file: str) -> WrittenModel:
    try:
        return read_written(Path(file).read_bytes().decode())
    except UnicodeDecodeError:
        raise UnreadableFile(f"{file} is not UTF-8: save it as UTF-8.") from None
    except OSError as error:
        reason = f"{file}: {error.strerror}."
        raise UnreadableFile(
            f"{reason} Give a file or, where the command takes one, a version's number or `active`."
        ) from None


def find(*targets: str) -> list[Found]:
    """The models that the targets name. The database is opened only for versions."""
    wanted = [read_target(target) for target in targets]
    files = [_in_file(each) for each in wanted if isinstance(each, WrittenModel)]
    if len(files) == len(wanted):
        return files
    return with_database(lambda runtime: find_all(runtime.database, wanted))


def _in_file(written: WrittenModel) -> Found:
    return Found(written.model, written.text, None)


async def find_all(database: Database, wanted: Sequence[WrittenModel | VersionOrActive]) -> list[Found]:
    return [await find_one(database, each) for each in wanted]


async def find_one(database: Database, wanted: WrittenModel | VersionOrActive) -> Found:
    """Raises `NotFound`."""
    if isinstance(wanted, WrittenModel):
        return _in_file(wanted)
    msg = f"There is no version {wanted} of the scoring model: `leadscore model list` shows the versions."
    if wanted != "active" and not 1 <= wanted <= MAX_VERSION:
        raise NotFound(msg)
    try:
        version = await get_version(database, number_of(wanted))
    except NotFound:
        raise NotFound(msg) from None
    return Found(version.load(), version.text, version)
