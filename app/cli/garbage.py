"""Garbage collection: hardly any of our objects are in cycles, so looking for them often would only take time."""

import gc

NEW_OBJECTS = 10_000
"""How many new objects start a collection. A commit creates thousands."""


def collect_garbage_rarely() -> None:
    """Call this when what stays as long as the process has been loaded: that is never examined again."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
