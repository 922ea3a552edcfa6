"""A table of people and their events is stored once, however often it is exported and imported again."""

from app.protocol.history import read_json_lines
from app.protocol.messages import Sender
from app.protocol.tables.layout import TableOptions, understand
from app.protocol.tables.messages import RowReader
from app.protocol.tables.reading import Table
from app.services.imports import EntryReader, FileImport
from app.services.intake import Outcome
from tests.services.harness import Service

OPTIONS = TableOptions(event_times={"Demo Requested": "demo_at", "Feature Used": "used_at"})
CONTACTS = """email,size,updated_at,demo_at,used_at
ada@x.example,80,2026-03-01,2026-03-05,2026-03-09
bob@x.example,20,2026-03-02,,2026-03-09
cy@x.example,,2026-03-02,,
ada@x.example,80,2026-03-01,2026-03-05,2026-03-09
"""


async def imported(service: Service, text: str, options: TableOptions = OPTIONS) -> Outcome:
    table = Table([text.encode()])
    reader = RowReader(understand(table.header, options))
    entries = [entry for row in table for entry in reader.read(row)]
    return await FileImport(service.writer, EntryReader(Sender("crm", trusted=True), service.clock)).store(entries)


async def test_a_table_is_stored_once(service: Service) -> None:
    first, second = await imported(service, CONTACTS), await imported(service, CONTACTS)
    assert (first.accepted, first.duplicates, first.refused) == (7, 2, [])
    assert (second.accepted, second.duplicates, second.refused) == (0, 9, [])
    ada = await service.lead("email:ada@x.example")
    assert (ada.standing.stage, ada.lead.facts.known_traits()["size"]) == ("sql", "80")


async def test_a_new_export_of_the_same_people_adds_only_new_events(service: Service) -> None:
    await imported(service, CONTACTS)
    changed = "email,size,updated_at,demo_at,used_at\nbob@x.example,90,2026-03-08,2026-03-08,2026-03-09\n"
    receipt = await imported(service, changed)
    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    bob = await service.lead("email:bob@x.example")
    assert (bob.standing.stage, bob.lead.facts.known_traits()["size"]) == ("sql", "90")


async def test_events_belong_to_the_person_with_the_address(service: Service) -> None:
    options = TableOptions(event="Demo Requested")
    receipt = await imported(service, "E-Mail;Date\nADA@x.example;09.03.2026\nnobody;09.03.2026\n", options)
    assert (
        receipt.accepted,
        [(refusal.index, refusal.error and refusal.error.code) for refusal in receipt.refused],
    ) == (
        1,
        [(3, "invalid-identity")],
    )
    assert (await service.lead("email:ada@x.example")).standing.stage == "sql"


async def test_json_lines_keep_their_generated_ids_across_versions(service: Service) -> None:
    """Importing a file again must not duplicate messages that an earlier version of leadscore imported."""
    reader = EntryReader(Sender("crm", trusted=True), service.clock)
    lines = [b'{"type": "track", "event": "Liked", "userId": "u1"}\n'] * 2
    ids = [reader.read(entry)[1].message_id for entry in read_json_lines(lines)]
    assert ids == [f"line-c89975ecd3cf1b71477457e05cadadbc-{number}" for number in (1, 2)]
