"""Activity over HTTP: what came in each minute from each source, as its senders were answered."""

from datetime import timedelta

from app.services.keys import create_key
from tests.api.harness import Api, assert_problem, track


async def test_messages_are_counted_by_minute_and_key(api: Api) -> None:
    shop = (await create_key(api.runtime.database, "write", "shop", api.clock.now)).secret
    message = track()
    await api.batch(message, message, track(), track(userId="null"), key=shop)
    await api.client.post("/v1/forms/f", data={"email": "a@b.c", "_gotcha": "x", "writeKey": shop})
    api.clock.now += timedelta(minutes=2)
    await api.batch(message, key=shop)
    first = {"at": "2026-03-10T12:00:00Z", "source": "shop"}
    assert await api.told("/v1/activity") == {
        "from": "2026-03-10T11:03:00Z",
        "to": "2026-03-10T12:03:00Z",
        "by": "minute",
        "data": [
            first | {"accepted": 2, "duplicates": 1, "rejected": 1, "quarantined": 1},
            first | {"at": "2026-03-10T12:02:00Z", "accepted": 0, "duplicates": 1, "rejected": 0, "quarantined": 0},
        ],
    }
    hours = await api.told("/v1/activity", by="hour", to="2026-03-10T14:00:00+02:00")
    assert (hours["from"], hours["to"], hours["data"]) == ("2026-03-09T12:00:00Z", "2026-03-10T12:00:00Z", [])


async def test_a_span_that_makes_no_sense_is_refused(web: Api) -> None:
    for wrong in ({"by": "day"}, {"from": "2026-03-01T00:00:00Z"}, {"to": "0001-01-01T00:00:00Z"}):
        assert_problem(await web.ask("/v1/activity", **wrong), 422, "validation-error")
