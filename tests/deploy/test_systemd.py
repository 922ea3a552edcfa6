"""The unit: accepted by systemd, hardened, and in agreement with leadscore's settings."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.deploy.harness import DEPLOY, DRAIN_S, run, settings

UNIT = DEPLOY / "systemd" / "leadscore.service"
COMMAND = "/opt/leadscore/bin/leadscore"
MAX_EXPOSURE = "15"  # tenths: systemd calls a unit from 2.0 on exposed


def service() -> dict[str, str]:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case
    parser.read(UNIT)
    return dict(parser["Service"])


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a command that exists here: systemd looks for it."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(COMMAND, "/bin/true"))
    return copy


def test_systemd_accepts_the_unit(installed: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(["systemd-analyze", "verify", installed], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")  # an unknown setting is only a warning


def test_systemd_finds_the_unit_well_protected(installed: Path) -> None:
    run("systemd-analyze", "security", "--offline=true", f"--threshold={MAX_EXPOSURE}", installed)


def test_the_unit_migrates_and_serves() -> None:
    assert (service()["ExecStartPre"], service()["ExecStart"]) == (f"{COMMAND} migrate", f"{COMMAND} serve")


def test_the_embedded_database_is_in_the_folder_that_the_unit_may_write() -> None:
    name, _, url = service()["Environment"].partition("=")
    folder = Path("/var/lib") / service()["StateDirectory"]
    assert settings({name: url.replace("%S", "/var/lib")}).database_file.parent == folder


def test_the_unit_has_time_to_finish_before_it_is_killed() -> None:
    given = settings({})
    enough = given.shutdown_delay_s + given.shutdown_timeout_s + DRAIN_S
    assert int(service()["TimeoutStopSec"]) >= enough


def test_the_processs_own_metrics_are_readable() -> None:
    assert "ProcSubset" not in service()  # it would hide /proc/stat, which process_* needs
