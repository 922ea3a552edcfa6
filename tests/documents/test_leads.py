"""Documents of leads: JSON that is written without validation is what the document would write."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.documents.leads import LeadDocument, ScoreDocument
from app.scoring.engine import evaluate
from app.scoring.stages import forecast
from app.services.evaluation import evaluated
from app.services.leads import LeadView
from app.services.lookback import ScoreView
from tests.scoring.strategies import MOMENT, compiled, events, facts_from, models, stamped

LEAD_ID = UUID("01890000-0000-7000-8000-000000000001")
TOUCHES = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["direct", "email"]),
        "referrer": st.none() | st.just("https://x.test/"),
        "utm": st.dictionaries(st.sampled_from(["source", "campaign"]), st.text(max_size=5), max_size=2),
    }
)


@st.composite
def lead_views(draw: st.DrawFn) -> LeadView:
    model = compiled(draw(models()))
    source, group = draw(st.none() | stamped(TOUCHES)), draw(st.none() | stamped(st.just("acme")))
    facts = replace(facts_from(model, draw(events(last_day=0))), source=source, group=group)
    lead = evaluated(model, LEAD_ID, None, facts, MOMENT, cause="event").lead
    evaluation = evaluate(model, facts, MOMENT)
    change = forecast(evaluation, lead.standing.stage)
    return LeadView(lead, {"user_id": ["u1"], "email": []}, evaluation, lead.standing, change, MOMENT)


@given(lead_views())
def test_json_that_is_not_validated_is_what_the_document_says(view: LeadView) -> None:
    assert LeadDocument.json_of(view).decode() == LeadDocument.of(view).model_dump_json()
    score = ScoreView(view.lead.id, view.evaluation, view.standing.stage, view.as_of)
    assert ScoreDocument.json_of(score).decode() == ScoreDocument.of_lead(score).model_dump_json()
