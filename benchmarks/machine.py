"""The machine on which benchmarks run, and the versions that they measure."""

import platform
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import asyncpg
import psutil
from sqlalchemy.engine import make_url

from app.clock import utc_now
from tests.databases import as_text, embedded_postgres, run

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True, slots=True)
class Machine:
    cores: int
    processor: str
    memory_gib: float
    system: str
    python: str
    postgres: str
    commit: str
    on: date

    def __str__(self) -> str:
        return (
            f"Measured on {self.on} with {self.cores} cores ({self.processor}), {self.memory_gib:.0f} GiB of memory, "
            f"{self.system}, Python {self.python} and PostgreSQL {self.postgres}. Client, server and database share "
            f"the cores. Commit {self.commit}."
        )


def this_machine() -> Machine:
    return Machine(
        cores=psutil.cpu_count(),
        processor=_processor(),
        memory_gib=psutil.virtual_memory().total / 2**30,
        system=_system(),
        python=platform.python_version(),
        postgres=_postgres(),
        commit=_git("describe", "--always", "--dirty", "--exclude=*"),
        on=utc_now().date(),
    )


def _system() -> str:
    return platform.freedesktop_os_release()["PRETTY_NAME"] if platform.system() == "Linux" else platform.platform()


def _processor() -> str:
    """The model's name, where Linux knows it, or else the architecture."""
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _postgres() -> str:
    async def version(url: str) -> str:
        connection = await asyncpg.connect(as_text(make_url(url), driver="postgresql"))
        try:
            return str(await connection.fetchval("SHOW server_version"))
        finally:
            await connection.close()

    with embedded_postgres() as url:
        return run(version(url))


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603, S607
