"""A file that can't be imported as it is is recognised by its first bytes; what can be is let through."""

import bz2
import io
import json
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidMessage, UnreadableFile
from app.protocol.file_kinds import refuse_json_documents, refuse_other_kinds
from app.protocol.history import read_json_lines

MESSAGE = {"type": "track", "event": "Liked", "userId": "u1"}
BATCH = {"batch": [MESSAGE], "sentAt": "2026-01-10T10:00:00Z"}


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "email\nada@x.example\n")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return file.getvalue()


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (zipped("[Content_Types].xml"), "a spreadsheet workbook: save it as CSV and import that"),
        (zipped("mimetype") + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "a spreadsheet workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet workbook"),
        (zipped("contacts.csv"), "an archive: unpack it and import each of its files"),
        (tarred(), "an archive"),
        (b"7z\xbc\xaf\x27\x1c", "an archive"),
        (bz2.compress(b"email\n"), "compressed, but not with gzip: unpack it first"),
        (lzma.compress(b"email\n"), "compressed"),
        (b"\x28\xb5\x2f\xfd\x04", "compressed"),
        (b"PAR1\x15\x04", "a Parquet file: export it as JSON lines or CSV"),
        (b"Obj\x01\x04", "an Avro file"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>", "HTML or XML"),
        (b"<?xml version='1.0'?>", "HTML or XML"),
        (json.dumps(MESSAGE).encode("utf-16"), "JSON in UTF-16: save it as UTF-8"),
    ],
)
def test_a_file_of_another_kind_is_named_with_the_remedy(start: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        refuse_other_kinds(start)
    assert f"The file is {said}" in str(refused.value)


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("document", "path"), [([MESSAGE], "'.[]'"), ([], "'.[]'"), (BATCH, "'.batch[]'"), (MESSAGE, ".")]
)
def test_json_that_is_not_one_message_per_line_is_refused_with_the_remedy(
    document: object, path: str, indent: int | None, bom: str
) -> None:
    start = (bom + json.dumps(document, indent=indent)).encode()
    if document == MESSAGE and indent is None:
        refuse_json_documents(start)
        return
    with pytest.raises(UnreadableFile, match="one message per line") as refused:
        refuse_json_documents(start)
    assert f"run jq -c {path} FILE > FILE.jsonl" in str(refused.value)


def test_a_line_that_is_a_batch_is_refused_with_the_remedy() -> None:
    [entry] = read_json_lines([json.dumps({"sentAt": "2026-01-10T10:00:00Z", **BATCH}).encode()])
    assert isinstance(entry.fault, InvalidMessage)
    assert "jq -c '.batch[]' FILE" in entry.fault.detail


@pytest.mark.parametrize(
    "start",
    [
        *(b"", b"email,name\nada@x.example,Ada\n", b"PAR1,email\n", b"ORC;email\n", b"PK,email\n", b"Rar,email\n"),
        *(
            "email\tname\n".encode("utf-16"),
            b"sep=;\nemail;name\n",
            json.dumps(MESSAGE).encode(),
            b"\xef\xbb\xbfemail\n",
        ),
    ],
)
def test_tables_and_json_lines_are_let_through(start: bytes) -> None:
    refuse_other_kinds(start)
    refuse_json_documents(start)


@given(st.text(st.characters(codec="utf-8", exclude_characters="<%\0"), max_size=20))
def test_a_table_is_let_through_whatever_its_first_column_is_called(name: str) -> None:
    refuse_other_kinds(f"a{name},email\n".encode())
