"""Schemathesis against a server process: every operation keeps to the OpenAPI document, whatever it is sent.

`make fuzz` takes longer.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.api.server import environment, serving

COMMAND = str(Path(sys.executable).with_name("st"))
CONFIGURATION = str(Path(__file__).with_name("schemathesis.toml"))
SECONDS = os.environ.get("LEADSCORE_TEST_FUZZ_SECONDS", "25")
"""How long it fuzzes each kind of database."""


def test_every_operation_keeps_to_the_openapi_document(database_url: str, tmp_path: Path) -> None:
    with serving(database_url) as server:
        keys = {f"{kind.upper()}_KEY": secret for kind, secret in server.keys.items()}
        done = subprocess.run(
            [COMMAND, "--config-file", CONFIGURATION, "run", f"{server.url}/openapi.json", "--max-time", SECONDS],
            env=environment(database_url) | keys,
            cwd=tmp_path,  # it keeps a database of examples
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "request failed" not in server.log_at_end
