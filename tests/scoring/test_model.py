"""Loading a model: what can be read, and that every fault is reported with its path."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings

from app.scoring.engine import compile_model
from app.scoring.model import MAX_FAULTS_WITH_SUGGESTIONS, dump_model, dump_yaml, load_model
from app.scoring.text import MAX_CHARACTERS
from app.validation.faults import Fault, InvalidModel
from tests.scoring.strategies import models

Json = dict[str, Any]
LEAST: Json = {"name": "least", "stages": [{"name": "interest"}]}


def faults_of(source: str | Json) -> list[tuple[str, str]]:
    with pytest.raises(InvalidModel) as caught:
        load_model(source)
    return [(fault.path, fault.message) for fault in caught.value.faults]


def with_signal(**signal: Any) -> Json:
    return {**LEAST, "signals": {"visit": {"on": "Page Viewed", **signal}}}


def with_rule(**rule: Any) -> Json:
    return {**with_signal(), "scores": {"fit": {"rules": {"r": {"points": 1, **rule}}}}}


def with_score(**score: Any) -> Json:
    rules = {"r": {"signal": "visit", "points": 1}}
    return {**with_signal(), "scores": {"fit": {"rules": rules, **score}}}


def with_expected(score: Any) -> Json:
    return {**LEAST, "examples": [{"name": "x", "given": [], "expect": {"scores": {"fit": score}}}]}


def with_stage(**stage: Any) -> Json:
    return {**with_score(), "stages": [{"name": "interest"}, {"name": "lead", **stage}]}


# --- Reading ----------------------------------------------------------------------------------------------------


def test_yaml_is_read_as_version_1_2_in_which_on_and_no_and_dates_are_strings() -> None:
    model = load_model("name: no\nsignals: {visit: {on: [2026-01-01, 2026-01-01T12:00:00Z]}}\nstages: [{name: off}]")
    on = ["2026-01-01", "2026-01-01T12:00:00Z"]
    assert (model.name, model.signals["visit"].on, model.stages[0].name) == ("no", on, "off")


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_read_however_it_is_indented(indent: Any) -> None:
    assert dump_model(load_model(json.dumps(LEAST, indent=indent))) == LEAST


def test_json_escapes_are_decoded() -> None:
    assert load_model(json.dumps({**LEAST, "name": 'smile 😀 / "\n'})).name == 'smile 😀 / "\n'


@settings(max_examples=40)
@given(models())
def test_a_model_dumped_and_loaded_again_is_the_same(document: Json) -> None:
    model = load_model(document)
    dumped = dump_model(model)
    assert load_model(json.loads(json.dumps(dumped))) == model
    assert load_model(json.dumps(dumped)) == model
    assert load_model(dump_yaml(model)) == model
    assert dump_model(load_model(dumped)) == dumped


@settings(max_examples=40)
@given(models())
def test_a_model_is_dumped_as_it_was_written(document: Json) -> None:
    written = {**document, "signals": {name: _listed(signal) for name, signal in document["signals"].items()}}
    assert dump_model(load_model(document)) == written


def _listed(signal: Json) -> Json:
    on = [signal["on"]] if isinstance(signal["on"], str) else signal["on"]
    return {**signal, "on": [name.strip() for name in on]}


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("name: a\nname: b", "line 2, column 1", "repeats a key of its mapping"),
        ('{"name": "a",\n "name": "b"}', "line 2, column 2", "repeats a key of its mapping"),
        ("name: a\nsignals:\n  s: {on: A}\n   t: {on: B}", "line 4, column 4", "check the indentation"),
        ("name: a: b", "line 1, column 8", "text that contains a colon in quotes"),
        ("name: [", "line 1, column 8", "expected"),
        ("a: 1\n--- b", "line 2, column 1", "another document"),
        ("name: !!python/object:os.system x", "line 1, column 7", "tag"),
        ("a: \x00", "document", "is not YAML or JSON"),
        ("name: !!binary aGk=", "document", "remove its tag"),
        ("# nothing yet\n", "document", "is empty: write a model"),
        ("just words", "document", "must be an object"),
    ],
)
def test_unreadable_text_is_reported_with_its_place(text: str, path: str, message: str) -> None:
    [(place, reported)] = faults_of(text)
    assert place == path
    assert message in reported


# --- Bounds -----------------------------------------------------------------------------------------------------


def bomb(lines: int, width: int = 9, merge: str = "") -> str:
    """A short text whose aliases expand to a very large document."""
    repeated = [f"a{line}: &a{line} [{', '.join([f'*a{line - 1}'] * width)}]" for line in range(1, lines)]
    return "\n".join(["a0: &a0 {x: 1, y: 2}", *(re.sub(r"(\[.*)", merge or r"\1", line) for line in repeated)])


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        (
            "#" * (MAX_CHARACTERS + 1),
            "document",
            "has 131073 characters, more than the 131072 allowed: make it shorter",
        ),
        (bomb(7), "document", "has more than 50000 values, counting what its aliases repeat: make it smaller"),
        (bomb(60), "document", "has more than 50000 values"),
        (bomb(30, merge=r"{<<: \1}"), "document", "has more than 50000 values"),
        (f"a: &a {'x' * 64_000}\nb: [{'*a , ' * 60}]", "document", "has more than 50000 values"),
        (bomb(40, width=1), "document", "is nested more than 32 levels deep"),
        ("[" * 500, "line 1, column 33", "is nested more than 32 levels deep: nest fewer lists and mappings"),
        ("&a [*a]", "document", "has an alias to a part that contains the alias, which never ends"),
        ("name: &a {b: [{c: *a}]}", "document", "has an alias to a part that contains the alias"),
        ("name: &a {<<: *a}", "document", "has an alias to a part that contains the alias"),
    ],
    ids=lambda value: value[:20],
)
def test_text_that_is_too_large_is_refused_before_it_is_constructed(text: str, path: str, message: str) -> None:
    [(place, reported)] = faults_of(text)
    assert place == path
    assert message in reported


def test_aliases_and_merges_are_read() -> None:
    text = """
        name: least
        signals: {a: &a {on: A, where: &w {property: x, eq: 1}}, b: {<<: *a, on: B}, c: {on: C, where: {none: [*w]}}}
        stages: [{name: interest}]
    """
    signals = dump_model(load_model(text))["signals"]
    assert signals["b"] == {"on": ["B"], "where": {"property": "x", "eq": 1}}
    assert signals["c"]["where"] == {"none": [{"property": "x", "eq": 1}]}


def test_a_mapping_has_the_same_limits_as_a_text() -> None:
    nested: Any = []
    for _ in range(5_000):
        nested = [nested]
    endless: list[Any] = []
    endless.append(endless)
    messages = ["more than 50000 values", "more than 50000 values", "more than 32 levels deep", "never ends"]
    for description, message in zip([[0] * 50_000, "x" * 64 * 50_000, nested, endless], messages, strict=True):
        assert message in faults_of(LEAST | {"description": description})[0][1]


def test_a_model_may_be_nested_deeply_enough_for_practical_use() -> None:
    condition: Json = {"property": "a", "eq": 1}
    for _ in range(13):
        condition = {"all": [condition]}
    load_model(json.dumps(with_signal(where=condition)))


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (LEAST | {"signals": {f"s{number}": {"on": "x"} for number in range(501)}}, "signals"),
        (with_signal(on=["x"] * 201), "signals.visit.on"),
        (LEAST | {"stages": [{"name": f"s{number}"} for number in range(101)]}, "stages"),
        (with_score(bands={f"b{number}": number for number in range(101)}), "scores.fit.bands"),
    ],
)
def test_the_number_of_parts_of_a_model_is_limited(document: Json, path: str) -> None:
    [(place, reported)] = faults_of(document)
    assert place == path
    assert "or fewer entries" in reported


def test_the_number_of_messages_in_examples_is_limited() -> None:
    example = {"name": "x", "given": [{"times": 10_000}] * 11, "expect": {}}
    message = "have 110000 messages, more than the 100000 allowed: lower their times"
    assert faults_of({**LEAST, "examples": [example]}) == [("examples", message)]


def test_the_number_of_event_names_in_all_signals_is_limited() -> None:
    signals = {f"s{signal}": {"on": [f"e{signal} {name}" for name in range(200)]} for signal in range(50)}
    load_model({"name": "x", "signals": signals, "stages": [{"name": "a"}]})
    signals["more"] = {"on": ["one"]}
    with pytest.raises(InvalidModel) as caught:
        load_model({"name": "x", "signals": signals, "stages": [{"name": "a"}]})
    assert caught.value.faults == (Fault("signals", "list 10001 event names, more than the 10000 allowed: list fewer"),)


def test_a_long_list_of_known_names_is_shortened() -> None:
    signals = {f"s{number}": {"on": "x"} for number in range(23)}
    [(_, reported)] = faults_of(
        {**with_stage(when={"signal": "gone"}), "signals": {**with_signal()["signals"], **signals}}
    )
    assert reported.startswith("unknown signal gone; expected one of: visit, s0, s1")
    assert reported.endswith("s18 and 4 more")


@pytest.mark.parametrize(
    "name", ["company_size", "Firmengröße", "Number of employees", "company.size", "42", "x" * 200]
)
def test_a_trait_may_have_any_name_that_clients_send(name: str) -> None:
    assert load_model({**LEAST, "traits": {name: {"trusted": True}}}).traits[name].trusted


# --- Malformed parts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        ({"stages": [{"name": "a"}]}, "name", "is missing"),
        ({**LEAST, "stages": []}, "stages", "must have 1 or more entries"),
        ({**LEAST, "extra": 1}, "extra", "unknown field; expected one of: name, description, traits"),
        (
            {**LEAST, "signals": {"Bad Name": {"on": "x"}}},
            "signals.Bad Name",
            "have only lower-case letters, digits and _",
        ),
        ({**LEAST, "traits": {"": {}}}, "traits.", "1 or more characters"),
        ({**LEAST, "traits": {"x" * 201: {}}}, f"traits.{'x' * 201}", "200 or fewer characters"),
        ({**LEAST, "traits": {"size": True}}, "traits.size", "must be an object"),
        ({**LEAST, "traits": {"size": {"trusted": 1}}}, "traits.size.trusted", "must be true or false"),
        (with_signal(on=404), "signals.visit.on", "must be text: put a number, true or false in quotes"),
        ({**LEAST, "signals": {"combination": {}}}, "signals.combination.on", "is missing"),
        (with_signal(on=[]), "signals.visit.on", "must have 1 or more entries"),
        (with_signal(on=""), "signals.visit.on", "1 or more characters"),  # a string is read as a list of one
        (with_signal(on=["x", "  "]), "signals.visit.on[1]", "1 or more characters"),
        (with_signal(on="\u200b"), "signals.visit.on", "1 or more characters"),
        (with_signal(trusted="yes"), "signals.visit.trusted", "must be true or false"),
        (with_signal(where=[]), "signals.visit.where", "must be an object"),
        (with_signal(where={}), "signals.visit.where", "has 0 subjects"),
        (with_signal(where={"property": "a", "context": "b", "eq": 1}), "signals.visit.where", "has 2 subjects"),
        (with_signal(where={"property": "a"}), "signals.visit.where", "needs an operator"),
        (with_signal(where={"property": "a", "eq": None}), "signals.visit.where", "needs an operator"),
        (with_signal(where={"property": "a", "eq": 1, "at_least": 1}), "signals.visit.where", "ask about a signal"),
        (with_signal(where={"signal": "a", "eq": 1}), "signals.visit.where", "not with operators"),
        (
            with_signal(where={"property": "a", "equals": 1}),
            "signals.visit.where.equals",
            "unknown field; expected one of: property, ",
        ),
        (with_signal(where={"property": "a", "eq": [1]}), "signals.visit.where.eq", "true or false, a number or a str"),
        (with_signal(where={"property": "a", "eq": 10**400}), "signals.visit.where.eq", "a number or a string"),
        (with_signal(where={"property": "a", "in": [1, {}]}), "signals.visit.where.in[1]", "a number or a string"),
        (with_signal(where={"property": "a", "in": []}), "signals.visit.where.in", "must have 1 or more entries"),
        (with_signal(where={"property": "a", "gt": True}), "signals.visit.where.gt", "a number or a string"),
        (with_signal(where={"property": "a", "gt": float("inf")}), "signals.visit.where.gt", "a number or a string"),
        (with_signal(where={"property": "a", "contains": ""}), "signals.visit.where.contains", "1 or more characters"),
        (with_signal(where={"property": "a", "exists": "yes"}), "signals.visit.where.exists", "must be true or false"),
        (with_signal(where={"all": []}), "signals.visit.where.all", "must have 1 or more entries"),
        (with_signal(where={"all": None}), "signals.visit.where", "needs one of all, any, none"),
        (
            with_signal(where={"none": [{"any": [{"property": 5}]}]}),
            "signals.visit.where.none[0].any[0].property",
            "must be text",
        ),
        (with_rule(), "scores.fit.rules.r", "needs exactly one of signal, when, inactive_for_days"),
        (with_rule(signal=None), "scores.fit.rules.r", "needs exactly one of"),
        (with_rule(signal="visit", inactive_for_days=3), "scores.fit.rules.r", "needs exactly one of"),
        (with_rule(inactive_for_days=3, per_day=1), "scores.fit.rules.r", "per_day belong to a rule with a signal"),
        (with_rule(signal="visit", half_life_days=1, fades_over_days=2), "scores.fit.rules.r", "more than one way"),
        (with_rule(signal="visit", at_least=2), "scores.fit.rules.r", "go together"),
        (with_rule(signal="visit", at_least=2, within_days=2, half_life_days=1), "scores.fit.rules.r", "do not fade"),
        (with_rule(signal="visit", points=float("nan")), "scores.fit.rules.r.points", "must be a finite number"),
        (with_rule(signal="visit", points="5"), "scores.fit.rules.r.points", "must be a number"),
        (with_rule(signal="visit", max_points=0), "scores.fit.rules.r.max_points", "must be more than 0"),
        (with_rule(signal="visit", max_points=0.005), "scores.fit.rules.r.max_points", "more than two decimals"),
        (with_rule(signal="visit", per_day=0), "scores.fit.rules.r.per_day", "must be 1 or more"),
        (with_rule(signal="visit", half_life_days=0), "scores.fit.rules.r.half_life_days", "must be more than 0"),
        (with_score(min=5, max=4), "scores.fit", "min 5 is above max 4"),
        (with_score(rules={}), "scores.fit.rules", "must have 1 or more entries"),
        ({**LEAST, "examples": [{"name": "x", "given": []}]}, "examples[0].expect", "is missing"),
        (with_expected("ten"), "examples[0].expect.scores.fit", "must be a number, or operators such as {gte: 40"),
        (with_expected({"over": 1}), "examples[0].expect.scores.fit", "must be a number, or operators"),
        (with_expected({"gte": "1"}), "examples[0].expect.scores.fit", "must be a number, or operators"),
    ],
)
def test_a_malformed_part_is_reported_with_its_path(document: Json, path: str, message: str) -> None:
    [(place, reported)] = faults_of(document)
    assert place == path
    assert message in reported


CONDITION: Json = {"trait": "email", "exists": True}
EXAMPLE: Json = {"name": "x", "given": [], "expect": {}}


@pytest.mark.parametrize(
    ("document", "path", "near"),
    [
        ({**LEAST, "stage": []}, "stage", "stages"),
        ({**LEAST, "traits": {"size": {"trust": True}}}, "traits.size.trust", "trusted"),
        ({**LEAST, "signals": {"leaf": {"on": "x", "were": None}}}, "signals.leaf.were", "where"),
        (with_score(rule={}), "scores.fit.rule", "rules"),
        (with_rule(signal="visit", max_point=3), "scores.fit.rules.r.max_point", "max_points"),
        (with_score(groups={"g": {"max": 1, "maxx": 2}}), "scores.fit.groups.g.maxx", "max"),
        (with_stage(when=CONDITION, sale_ready=True), "stages[1].sale_ready", "sales_ready"),
        (with_signal(where={"property": "a", "start_with": "b"}), "signals.visit.where.start_with", "starts_with"),
        (with_signal(where={"property": "a", "eq": 1, "inn": 2}), "signals.visit.where.inn", "in"),
        (with_signal(where={"all": [{"any": [CONDITION], "nono": []}]}), "signals.visit.where.all[0].nono", "none"),
        ({**LEAST, "examples": [{**EXAMPLE, "expects": {}}]}, "examples[0].expects", "expect"),
        ({**LEAST, "examples": [{**EXAMPLE, "given": [{"trait": {}}]}]}, "examples[0].given[0].trait", "traits"),
        ({**LEAST, "examples": [{**EXAMPLE, "expect": {"score": {}}}]}, "examples[0].expect.score", "scores"),
    ],
)
def test_a_misspelt_field_is_reported_with_a_suggestion(document: Json, path: str, near: str) -> None:
    assert faults_of(document) == [(path, f"unknown field; did you mean {near}?")]


def test_suggestions_are_made_only_for_the_first_of_very_many_unknown_fields() -> None:
    faults = faults_of({**LEAST, **{f"name_{number}": 1 for number in range(MAX_FAULTS_WITH_SUGGESTIONS + 1)}})
    assert [message for _, message in faults[-2:]] == ["unknown field; did you mean name?", "unknown field"]


# --- Inconsistencies --------------------------------------------------------------------------------------------

TRAIT: Json = {"trait": "email", "exists": True}


@pytest.mark.parametrize(
    ("document", "path", "message"),
    [
        (with_signal(where=TRAIT), "signals.visit.where.trait", "can't be used here; use property or context"),
        (with_rule(signal="visits"), "scores.fit.rules.r.signal", "unknown signal visits; did you mean visit?"),
        (with_rule(signal="visit", group="g"), "scores.fit.rules.r.group", "unknown group g: the model has no groups"),
        (with_rule(when={"any": [{"score": "fit", "gt": 1}]}), "scores.fit.rules.r.when.any[0].score", "use trait"),
        (with_stage(), "stages[1].when", "every stage but the first needs a condition"),
        (with_stage(keep=TRAIT), "stages[1].when", "every stage but the first needs a condition"),
        (with_stage(when={"property": "a", "eq": 1}), "stages[1].when.property", "use trait or score or signal"),
        (with_stage(when=TRAIT, keep={"signal": "gone"}), "stages[1].keep.signal", "unknown signal gone"),
        (with_stage(when={"all": [{"score": "fat", "gt": 1}]}), "stages[1].when.all[0].score", "unknown score fat"),
        (with_stage(when={"score": "fit", "contains": "1"}), "stages[1].when.contains", "does not apply to a score"),
        (with_stage(when={"score": "fit", "exists": True}), "stages[1].when.exists", "does not apply to a score"),
        (
            with_stage(when={"score": "fit", "gte": "40"}),
            "stages[1].when.gte",
            "must be a number, because it is compared with a score",
        ),
        (
            with_stage(when={"score": "fit", "in": [1, True]}),
            "stages[1].when.in",
            "must be a number, because it is compared with a score",
        ),
        (with_stage(name="interest", when=TRAIT), "stages[1].name", "interest is already the name of another stage"),
        ({**LEAST, "stages": [{"name": "a", "when": TRAIT}]}, "stages[0]", "is the first stage"),
        ({**LEAST, "stages": [{"name": "a", "keep": TRAIT}]}, "stages[0]", "is the first stage"),
        (
            {**LEAST, "stages": [{"name": "a", "outcome": "won"}]},
            "stages[0].outcome",
            "can't be given to the first stage",
        ),
    ],
)
def test_an_inconsistency_is_reported_with_its_path(document: Json, path: str, message: str) -> None:
    [(place, reported)] = faults_of(document)
    assert place == path
    assert message in reported


def test_an_example_may_expect_only_stages_and_scores_of_the_model() -> None:
    expect = {"stage": "gone", "scores": {"fit": 1}}
    assert faults_of({**LEAST, "examples": [{"name": "x", "given": [], "expect": expect}]}) == [
        ("examples[0].expect.stage", "unknown stage gone; expected one of: interest"),
        ("examples[0].expect.scores", "unknown score fit: the model has no scores"),
    ]


def test_all_faults_are_reported_at_once() -> None:
    document = with_stage(when={"all": [{"score": "x", "gt": 1}, {"signal": "y"}]}, keep={"score": "fit", "eq": "z"})
    assert [path for path, _ in faults_of(document)] == [
        "stages[1].when.all[0].score",
        "stages[1].when.all[1].signal",
        "stages[1].keep.eq",
    ]


def test_the_text_of_an_invalid_model_error_has_one_fault_per_line() -> None:
    error = InvalidModel((Fault("name", "is missing"), Fault("stages[0]", "is odd")))
    assert str(error) == "name: is missing\nstages[0]: is odd"


def test_a_null_field_is_the_same_as_an_omitted_one() -> None:
    rule = {"signal": "visit", "when": None, "half_life_days": None, "expires_after_days": 3, "group": None}
    (compiled,) = compile_model(load_model(with_rule(**rule)), 1).scores["fit"].rules.values()
    assert compiled.signal == "visit"
