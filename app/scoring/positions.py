"""Where the parts of a model are in its text, so that editors can mark them."""

from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from app.scoring.text import compose, position_of
from app.validation.faults import InvalidModel, Position

Positions = Mapping[str, Position]
"""By path, such as `stages[2].when.all[0].gte`: where the name of that field is, or that element of a list begins."""

MERGE = "tag:yaml.org,2002:merge"


def positions_in(text: str | None) -> Positions:
    """The positions in a YAML text; empty if there is none, or if it can't be parsed. Takes as long as parsing it."""
    try:
        graph = compose(text) if text is not None else None
    except InvalidModel:
        return {}
    found: dict[str, Position] = {}
    for path, position in _walk(graph, ""):
        found.setdefault(path, position)
    return found


def locate(path: str, positions: Positions) -> Position | None:
    """The position of what a path leads to or, if that is not written, of the closest part around it."""
    while path and path not in positions:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return positions.get(path)


def _walk(node: Any, path: str) -> Iterator[tuple[str, Position]]:
    if isinstance(node, MappingNode):
        yield from _walk_mapping(node, path)
    elif isinstance(node, SequenceNode):
        for index, item in enumerate(node.value):
            place = f"{path}[{index}]"
            yield place, position_of(item.start_mark)
            yield from _walk(item, place)


def _walk_mapping(node: MappingNode, path: str) -> Iterator[tuple[str, Position]]:
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.tag != MERGE:
            place = f"{path}.{key.value}" if path else key.value
            yield place, position_of(key.start_mark)
            yield from _walk(value, place)
    for key, value in node.value:  # later, since what a mapping has itself wins over what it merges
        if key.tag == MERGE:
            for merged in value.value if isinstance(value, SequenceNode) else [value]:
                yield from _walk(merged, path)
