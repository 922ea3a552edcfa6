"""Funnels from rows of leads that are alike."""

from app.insight.funnel import LOST, Alike, Funnel, Ladder, funnels
from app.insight.quartiles import Quartiles
from app.insight.sources import source_of
from app.scoring.document import Stage
from app.scoring.journeys import Step

INTEREST, LEAD, SQL = Stage(name="interest"), Stage(name="lead"), Stage(name="sql", sales_ready=True)
CUSTOMER, OUT = Stage(name="customer", outcome="won"), Stage(name="out", outcome="lost")
LADDER = Ladder.of([INTEREST, LEAD, SQL, OUT, CUSTOMER])


def total(*rows: Alike) -> Funnel:
    return funnels(LADDER, rows)[0]


def test_the_ladder_has_no_lost_stages() -> None:
    assert LADDER.stages == (INTEREST, LEAD, SQL, CUSTOMER)
    assert (LADDER.won, LADDER.qualified) == (3, 2)
    bare = Ladder.of([INTEREST, LEAD])
    assert (bare.won, bare.qualified) == (None, None)


def test_a_lead_that_reached_a_stage_reached_all_below() -> None:
    funnel = total(Alike("a", 3, [Step(2, 5), Step(3, 9)], 4), Alike("a", 0, [], 6))
    assert [figures.reached for figures in funnel.stages] == [10, 4, 4, 4]
    assert [figures.now for figures in funnel.stages] == [6, 0, 0, 4]
    assert (funnel.leads, funnel.won, funnel.lost) == (10, 4, 0)


def test_times_are_those_of_steps_and_from_the_beginning() -> None:
    funnel = total(Alike("a", 3, [Step(2, 5), Step(3, 4)], 4), Alike("a", 2, [Step(1, 1), Step(2, 1)], 1))
    assert [figures.from_previous for figures in funnel.stages] == [
        None,
        Quartiles(1, 1, 1, 1),
        Quartiles(5, 5, 5, 5),
        Quartiles(4, 4, 4, 4),
    ]
    assert [figures.from_first_seen for figures in funnel.stages] == [
        None,
        Quartiles(5, 5, 5, 5),
        Quartiles(5, 5, 5, 5),
        Quartiles(9, 9, 9, 4),
    ]


def test_unknown_times_are_left_out() -> None:
    (_, lead, *_) = total(Alike("a", 1, [Step(1, None)], 3)).stages
    assert (lead.reached, lead.from_previous, lead.from_first_seen) == (3, None, None)


def test_steps_that_no_longer_lead_higher_take_no_time_of_their_own() -> None:
    funnel = total(Alike("a", 2, [Step(1, 1), Step(LOST, 1), Step(1, 1), Step(2, 4)], 1))
    assert funnel.stages[2].from_previous == Quartiles(6, 6, 6, 1)
    assert funnel.stages[1].from_previous == Quartiles(1, 1, 1, 1)


def test_a_lead_is_won_lost_or_neither() -> None:
    funnel = total(Alike("a", LOST, [Step(1, 0)], 2), Alike("a", LOST, [Step(3, 0)], 3), Alike("a", 0, [Step(1, 0)], 5))
    assert (funnel.leads, funnel.won, funnel.lost) == (10, 3, 2)
    assert [figures.lost_ground for figures in funnel.stages] == [0, 5, 0, 0]


def test_a_lead_loses_ground_once_however_far_it_falls() -> None:
    fallen = [Alike("a", now, [Step(3, 1)], 1) for now in (0, 1, 2)]
    assert total(*fallen, Alike("a", 3, [Step(3, 1)], 5), Alike("a", LOST, [Step(3, 1)], 7)).lost_ground == 3


def test_a_lead_is_at_least_where_it_is_now() -> None:
    assert [figures.reached for figures in total(Alike("a", 2, [], 1)).stages] == [1, 1, 1, 0]


def test_groups_come_by_size_and_add_up_to_the_total() -> None:
    rows = [Alike("small", 1, [Step(1, 2)], 1), Alike(None, 0, [], 4), Alike("large", 2, [Step(2, 3)], 4)]
    everything, groups = funnels(LADDER, rows)
    assert list(groups) == [None, "large", "small"]
    assert everything == total(*(row._replace(group="one") for row in rows))


def test_the_sources_main_figures_are_stages_of_the_funnel() -> None:
    source = source_of(LADDER, total(Alike("a", 2, [Step(2, 0)], 3), Alike("a", 0, [], 1)))
    assert (source.visitors, source.leads.count, source.qualified.count, source.customers.count) == (4, 3, 3, 0)
    assert source.qualified.of_visitors.rate == 0.75


def test_a_model_with_one_stage_has_neither_leads_nor_customers() -> None:
    ladder = Ladder.of([INTEREST])
    funnel, _ = funnels(ladder, [Alike("a", 0, [], 2)])
    source = source_of(ladder, funnel)
    assert (source.visitors, source.leads.count, source.customers.count) == (2, None, None)
    assert funnel.won == 0
