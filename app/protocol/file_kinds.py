"""Files of history that are neither JSON lines nor a table: what they are by their first bytes, and what to do instead.

Other readers would report every line of them.
"""

import codecs
import re

from app.errors import UnreadableFile

_AS_TEXT = "export it as JSON lines or CSV"
_KINDS = (
    (re.compile(rb"PK\x03\x04.*(?:\[Content_Types\]|xl/|mimetypeapplication/vnd)", re.DOTALL), "a spreadsheet workbook",
     "save it as CSV and import that"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "a spreadsheet workbook", "save it as CSV and import that"),
    (re.compile(rb"PK[\x03\x05\x07]|7z\xbc\xaf|Rar!|.{257}ustar", re.DOTALL), "an archive",
     "unpack it and import each of its files"),
    (re.compile(rb"BZh\d1AY|\xfd7zXZ|\x28\xb5\x2f\xfd"), "compressed, but not with gzip", "unpack it first"),
    (re.compile(rb"PAR1[^\t\n\r -~]"), "a Parquet file", _AS_TEXT),
    (re.compile(rb"Obj\x01"), "an Avro file", _AS_TEXT),
    (re.compile(rb"ORC[^\t\n\r -~]"), "an ORC file", _AS_TEXT),
    (re.compile(rb"ARROW1\0|FEA1\0"), "an Arrow file", _AS_TEXT),
    (re.compile(rb"SQLite format 3\0"), "an SQLite database", _AS_TEXT),
    (re.compile(rb"%PDF-"), "a PDF", _AS_TEXT),
    (re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8[79]a"), "an image", _AS_TEXT),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml)", re.IGNORECASE), "HTML or XML", _AS_TEXT),
)  # fmt: skip
_JSON_IN_UTF16 = re.compile(rb"(?:\xff\xfe|\xfe\xff)[\0 \t\r\n]*[{\[]")
_JSON_DOCUMENTS = (
    (re.compile(rb"\s*\["), "a JSON array", "'.[]'"),
    (re.compile(rb"\s*\{\s*\"batch\"\s*:"), "a batch", "'.batch[]'"),
    (re.compile(rb"\s*\{[ \t\r]*\n\s*\""), "JSON of several lines", "."),
)


def refuse_other_kinds(start: bytes) -> None:
    """Raises `UnreadableFile` if a file that begins so is of another kind. It may be JSON or a table otherwise."""
    for pattern, kind, remedy in _KINDS:
        if pattern.match(start):
            raise UnreadableFile(f"The file is {kind}: {remedy}.")
    if _JSON_IN_UTF16.match(start):
        raise UnreadableFile("The file is JSON in UTF-16: save it as UTF-8, or run iconv -f UTF-16 -t UTF-8 FILE.")


def refuse_json_documents(start: bytes) -> None:
    """Raises `UnreadableFile` if JSON that begins so is not one message per line."""
    for pattern, kind, path in _JSON_DOCUMENTS:
        if pattern.match(start.removeprefix(codecs.BOM_UTF8)):
            remedy = f"run jq -c {path} FILE > FILE.jsonl, and import that"
            raise UnreadableFile(f"The file is {kind}, and an import needs one message per line: {remedy}.")
