"""What the workers' tests look at: why people changed their stage."""

from app.services.runtime import Runtime
from tests.services.harness import who

PEOPLE = [f"u{number}" for number in range(5)]


async def causes(runtime: Runtime) -> list[str]:
    """Why people changed their stage, each time that one did."""
    found: list[str] = []
    for person in PEOPLE:
        view = await runtime.leads.get_by_identity(who(person)[0], runtime.clock())
        moves = (await runtime.leads.transitions(view.lead.id, None, 10)).items
        found += [move.transition.cause for move in moves]
    return sorted(found)


def moves_measured(runtime: Runtime, from_stage: str, to_stage: str) -> float | None:
    labels = {"from_stage": from_stage, "to_stage": to_stage}
    return runtime.metrics.registry.get_sample_value("leadscore_transitions_total", labels)
