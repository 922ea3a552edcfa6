"""What commands run on: the file of an embedded database, checked before SQLite would only call it unable to open."""

import os
from pathlib import Path

import pytest

from app.cli.runtime import read_settings
from app.errors import UnreadableFile
from app.storage.errors import FILE_ACCESS


def refused(file: Path) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read_settings(database_url=f"sqlite:///{file}")
    return caught.value.detail


def forbid(path: Path) -> None:
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything, as root may")


def test_a_database_that_belongs_to_somebody_else_is_named(tmp_path: Path) -> None:
    file = tmp_path / "leadscore.db"
    file.touch()
    forbid(file)
    assert refused(file) == f"The database {file} can't be read: {FILE_ACCESS}."


def test_a_folder_that_belongs_to_somebody_else_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    forbid(folder)
    assert refused(folder / "leadscore.db") == f"The database's folder {folder} can't be entered: {FILE_ACCESS}."
