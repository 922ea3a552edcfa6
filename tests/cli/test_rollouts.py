"""`leadscore model publish`: a model that holds becomes active and reaches every lead, whoever does the work."""

import json
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from app.clock import utc_now
from app.scoring.model import load_model
from app.services.models import ActiveModels
from app.services.publishing import activate
from app.services.rollouts import roll_out
from app.storage import rollouts as rollout_store
from app.storage.db import Database
from tests import databases
from tests.api.server import COMMAND, environment, run, serving
from tests.cli.harness import GOOD, MODEL, line, one_sentence

PUBLISHED = "Version 2 of the model is active; 1 lead changed its stage.\n"
HISTORY = "\n".join([*GOOD, line(messageId="m9")])
OTHER = UUID(int=7)


def test_publishing_a_model_re_evaluates_every_lead(database_url: str, model: Path) -> None:
    run(database_url, "import", "-", input=HISTORY)
    done = run(database_url, "model", "publish", str(model))
    assert (done.returncode, done.stdout, done.stderr) == (0, PUBLISHED, "")
    with serving(database_url) as server:
        [fan] = server.ask("/v1/leads", stage="fan")["data"]
    assert (fan["identities"]["user_id"], fan["scores"]["engagement"]["value"]) == (["u1"], 25.0)


def test_the_active_model_is_not_published_again(sqlite_url: str, model: Path) -> None:
    run(sqlite_url, "model", "publish", str(model))
    for target in (str(model), "2", "active"):
        done = run(sqlite_url, "model", "publish", target)
        assert done.stdout == "Version 2 of the model is active; 0 leads changed their stage.\n"
        assert one_sentence(done.stderr).startswith("Version 2 was already published, at ")
    assert len(run(sqlite_url, "model", "list").stdout.splitlines()) == 3


def test_an_earlier_version_can_be_published_by_its_number(sqlite_url: str, model: Path) -> None:
    run(sqlite_url, "import", "-", input=HISTORY)
    run(sqlite_url, "model", "apply", str(model))
    done = run(sqlite_url, "model", "publish", "1", "--notify", "all", "--json")
    rollout = json.loads(done.stdout)
    assert {name: rollout[name] for name in ("id", "version", "notify", "state", "done", "total")} == {
        "id": 3,
        "version": 1,
        "notify": "all",
        "state": "done",
        "done": 2,
        "total": 2,
    }


def test_a_model_whose_examples_fail_is_not_published(sqlite_url: str, model: Path) -> None:
    model.write_text(MODEL.replace("gte: 10", "gte: 11"))
    done = run(sqlite_url, "model", "publish", str(model), "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "failed  two likes make a fan",
        "        stage is interest, expected fan",
        "The model was not published: 1 of 1 example fails.",
    ]
    with closing(sqlite3.connect(sqlite_url.partition(":///")[2])) as database:
        assert database.execute("SELECT count(*) FROM models WHERE document LIKE '%tiny%'").fetchone() == (0,)


def test_warnings_are_shown_and_do_not_block_publishing(sqlite_url: str, model: Path) -> None:
    model.write_text(MODEL.replace("signals: {", "signals: {shared: {on: Shared}, "))
    done = run(sqlite_url, "model", "publish", str(model))
    assert (done.returncode, done.stdout[:31]) == (0, "Version 2 of the model is activ")
    assert done.stderr.startswith("unread-signal signals.shared\n")


def test_a_note_that_does_not_apply_is_refused_in_one_sentence(sqlite_url: str, model: Path) -> None:
    for target, note in ((str(model), " "), (str(model), "n" * 501), ("1", "new")):
        done = run(sqlite_url, "model", "publish", target, "--note", note)
        assert (done.returncode, done.stdout) == (1, "")
        assert one_sentence(done.stderr).startswith("--note ")


# --- Another process at work ------------------------------------------------------------------------------------


def begun_elsewhere(url: str, seconds: float) -> None:
    """Another process has published the model, taken on the rollout for a while, and fallen silent."""
    run(url, "import", "-", input=HISTORY)

    async def begin() -> None:
        database, now = Database(url), utc_now()
        rollout = await activate(database, load_model(MODEL), lambda: now)
        async with database.write() as connection:
            await rollout_store.claim(connection, rollout.id, OTHER, now, now + timedelta(seconds=seconds))
        await database.close()

    databases.run(begin())


@contextmanager
def watching(url: str, model: Path) -> Iterator[subprocess.Popen[str]]:
    """`leadscore model publish` of what another process is at work on, once it has noticed."""
    process = subprocess.Popen(
        [COMMAND, "model", "publish", str(model)],
        env=environment(url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith("Version 2 was already published")
            yield process
        finally:
            process.kill()


def test_a_rollout_whose_process_died_is_taken_over(database_url: str, model: Path) -> None:
    begun_elsewhere(database_url, 5)
    with watching(database_url, model) as process:
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, PUBLISHED)


def test_a_rollout_finished_by_another_process_is_watched_to_its_end(database_url: str, model: Path) -> None:
    begun_elsewhere(database_url, 600)

    async def finish() -> None:
        database = Database(database_url)
        await roll_out(database, ActiveModels(), OTHER, utc_now, 1, lambda _leads, _moves: True)
        await database.close()

    with watching(database_url, model) as process:
        databases.run(finish())
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "Version 2 of the model is active.\n")


def test_watching_ends_when_another_publication_supersedes_the_rollout(sqlite_url: str, model: Path) -> None:
    begun_elsewhere(sqlite_url, 600)

    async def overtake() -> None:
        database = Database(sqlite_url)
        await activate(database, load_model(MODEL.replace("tiny", "other")), utc_now)
        await database.close()

    with watching(sqlite_url, model) as process:
        databases.run(overtake())
        said, complaint = process.communicate(timeout=60)
    assert (process.returncode, said) == (1, "")
    assert one_sentence(complaint) == "Version 3 was published in the meantime: version 2 is no longer active."


def test_an_interruption_says_who_continues_the_rollout(sqlite_url: str, model: Path) -> None:
    begun_elsewhere(sqlite_url, 600)
    with watching(sqlite_url, model) as process:
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    assert one_sentence(complaint) == (
        "Stopped: version 2 is active and has reached 0 of 2 leads. "
        "A running server continues the rollout; so does running this command again."
    )
