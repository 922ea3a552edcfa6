"""Reading what is in deploy/, and running the programs that it is for, where they are installed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DRAIN_S = 15
"""How long a process may take to stop after its delay and its requests, as the README says."""


def documents(path: Path) -> list[Any]:
    return list(YAML(typ="safe").load_all(path.read_text()))


def document(path: Path) -> Any:
    [only] = documents(path)
    return only


def run(program: str, *arguments: str | Path, **options: Any) -> str:
    """Run a program and return its standard output. Skips the test if it is not installed, fails if it fails."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    output: str = done.stdout
    return output


def settings(environment: dict[str, str], **others: str) -> Settings:
    """The settings that a process gets from these variables. Fails if one of them is not a setting."""
    given = {name: value for name, value in environment.items() if name.startswith("LEADSCORE_")}
    fields = {name.removeprefix("LEADSCORE_").lower(): value for name, value in given.items()} | others
    assert fields.keys() - Settings.model_fields.keys() == set()
    return Settings(**fields)  # type: ignore[arg-type]  # pydantic reads the strings
