"""A table is read whatever wrote it: encoding, delimiter, quotation marks, line ends. A bad row costs itself alone."""

import codecs

import pytest

from app.errors import UnreadableFile
from app.protocol.tables.reading import MAX_ROW_CHARACTERS, Row, Table


def read(text: str | bytes, *, delimiter: str | None = None, piece: int = 7) -> tuple[tuple[str, ...], list[Row]]:
    """A table's header and rows, from pieces of so many bytes."""
    data = text.encode() if isinstance(text, str) else text
    table = Table([data[at : at + piece] for at in range(0, len(data), piece)], delimiter)
    return table.header, list(table)


def cells(text: str | bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in read(text)[1]]


def refused(text: str) -> list[tuple[int, str]]:
    return [(row.line, row.fault.detail) for row in read(text)[1] if row.fault]


@pytest.mark.parametrize(
    "text",
    [
        "email,company\na@x.example,Ada Ltd\n",
        "email;company\na@x.example;Ada Ltd\n",
        "email\tcompany\na@x.example\tAda Ltd\n",
        "email|company\na@x.example|Ada Ltd",
        "sep=;\nemail;company\na@x.example;Ada Ltd",
        '"sep=;"\nemail;company\na@x.example;Ada Ltd',
        "\n\nemail,company\n\na@x.example,Ada Ltd\n,\n\n",
        "email,company\r\na@x.example,Ada Ltd\r\n",
        "email,company\ra@x.example,Ada Ltd\r",
        '"email","company"\n"a@x.example","Ada Ltd"\n',
        " email , company \n a@x.example ,\u00a0Ada Ltd\u200b\n",
        "email,company,,\na@x.example,Ada Ltd,,\n",
    ],
)
def test_what_is_written_differently_is_the_same_table(text: str) -> None:
    assert (read(text)[0], cells(text)) == (("email", "company"), [("a@x.example", "Ada Ltd")])


@pytest.mark.parametrize(
    "data",
    [
        "name\nRené\n".encode(),
        codecs.BOM_UTF8 + "name\nRené\n".encode(),
        "name\nRené\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "name\nRené\n".encode("utf-16-be"),
        "name\nRené\n".encode("cp1252"),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_a_table_is_read_in_the_encoding_that_it_has(data: bytes, piece: int) -> None:
    header, [row] = read(data, piece=piece)
    assert (header, row.cells) == (("name",), ("René",))


def test_the_first_line_that_is_not_utf8_is_known() -> None:
    table = Table([b"name\nAda\nRen\xe9 \xe2\x82\xac\nZo\xeb\n"])
    assert [row.cells for row in table] == [("Ada",), ("René €",), ("Zoë",)]
    assert table.not_utf8 == 3


def test_a_value_may_hold_delimiters_quotation_marks_and_line_ends() -> None:
    assert cells('a,b\n"x, ""y""","one\r\ntwo"\n') == [('x, "y"', "one\ntwo")]


def test_a_row_is_counted_by_the_line_on_which_it_begins() -> None:
    _, rows = read('a,b\n\n"one\ntwo",2\n3,4\n')
    assert [row.line for row in rows] == [3, 5]


def test_missing_cells_are_empty_and_surplus_ones_refuse_the_row() -> None:
    text = "a,b\n1\n1,2,\n1,2,3\n5,6\n"
    assert cells(text) == [("1", ""), ("1", "2"), (), ("5", "6")]
    [(line, detail)] = refused(text)
    assert (line, detail[:44]) == (4, "This row has 3 cells, but the header has 2: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n1,"two" three\n4,5\n', 2),
        ('a,b\n4,5\n1,"never closed\n', 3),
    ],
)
def test_quotation_marks_that_do_not_match_cost_their_row(text: str, line: int) -> None:
    assert refused(text)[0][0] == line
    assert ("4", "5") in cells(text)


@pytest.mark.parametrize("long", ["x" * (MAX_ROW_CHARACTERS + 1), "x" * (3 * MAX_ROW_CHARACTERS)])
def test_a_row_that_is_too_long_costs_itself(long: str) -> None:
    _, rows = read(f"a,b\n{long},1\n4,5\n", piece=50_000)
    assert [(row.line, row.fault and row.fault.code) for row in rows] == [(2, "content-too-large"), (3, None)]


def test_a_quotation_mark_that_is_missing_does_not_swallow_the_file() -> None:
    good = "".join(f"{number},y\n" for number in range(20_000))
    _, rows = read(f'a,b\n1,"x\n{good}', piece=50_000)
    assert [row.line for row in rows if row.fault] == [2]
    assert rows[-1].cells == ("19999", "y")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty"),
        (b"\n \n", "The file is empty"),
        (b"a,,c\n", "no name for column 2"),
        (b"a,b,a,b,c\n", "a, b more than once"),
        (b'"a\n\x1b[2Jb","a\n\x1b[2Jb"\n', r"a \[2Jb more than once"),
        (b'a,"b\n', "header can't be read"),
        ("email,company\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(data: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        read(data)


def test_a_header_alone_is_a_table_without_rows() -> None:
    assert read("a,b") == (("a", "b"), [])


def test_a_delimiter_that_is_named_is_taken() -> None:
    assert read("a, or b\tc\n1\t2\n", delimiter="\t")[0] == ("a, or b", "c")
