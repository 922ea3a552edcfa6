"""Installing: what `make` puts into .venv is what the lock says, whatever the index has come to hold since.

The Makefile's own recipe runs here on an index of local files, with made-up packages.
"""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def wheel(index: Path, name: str, version: str, *requires: str) -> str:
    """Put a wheel with nothing in it into the index, and give its line in a lock."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    path = index / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: toml\n{needs}"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def install(folder: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run the recipe in an empty project that has this lock."""
    requirements = folder / "requirements"
    requirements.mkdir()
    (requirements / "runtime.txt").touch()
    (requirements / "dev.txt").write_text("".join(lines))
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder / "index"), "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(
        ["make", "-f", ROOT / "Makefile", f"PYTHON={sys.executable}", ".venv/.requirements"],
        cwd=folder,
        env=os.environ | offline,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    folder.mkdir()
    return folder


def test_a_lock_still_installs_after_newer_releases(tmp_path: Path, index: Path) -> None:
    lock = [wheel(index, "alpha", "1.0", "beta[toml]>=1"), wheel(index, "beta", "1.0", "gamma; extra == 'toml'")]
    lock.append(wheel(index, "gamma", "1.0"))
    for name in ("alpha", "beta", "gamma"):
        wheel(index, name, "2.0", "delta[toml]")
    done = install(tmp_path, *lock)
    assert done.returncode == 0, done.stderr
    pip = [str(tmp_path / ".venv/bin/python"), "-m", "pip", "list", "--format", "json"]
    installed = json.loads(subprocess.run(pip, check=True, capture_output=True).stdout)
    ours = {each["name"]: each["version"] for each in installed if each["name"] in ("alpha", "beta", "gamma")}
    assert ours == {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}


def test_an_incomplete_lock_is_noticed(tmp_path: Path, index: Path) -> None:
    lock = wheel(index, "alpha", "1.0", "beta[toml]>=1")
    wheel(index, "beta", "1.0")
    done = install(tmp_path, lock)
    assert done.returncode != 0
    assert "alpha 1.0 requires beta, which is not installed." in done.stdout + done.stderr
