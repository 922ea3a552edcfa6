"""Publications: which model was active when, and what it calls the stages of those before it.

A model that only renames a stage moves nobody. So the name of a stage means something only together with the version
that it is from, and is translated step by step along the publications between that one and another, either way.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncConnection

from app.scoring.engine import CompiledModel
from app.services.models import ActiveModels
from app.storage import rollouts as rollout_store
from app.storage.rollouts import Rollout

Names = Mapping[str, str]
"""What stages are called, by their names in another version."""


class Publications:
    """All publications that a transaction sees, by their place in the order in which they came."""

    def __init__(self, connection: AsyncConnection, models: ActiveModels, rollouts: Sequence[Rollout]) -> None:
        self._connection = connection
        self._models = models
        self._rollouts = rollouts
        self._names: dict[tuple[int, int], Names] = {}

    @classmethod
    async def read(cls, connection: AsyncConnection, models: ActiveModels) -> Self:
        return cls(connection, models, await rollout_store.list_all(connection))

    @property
    def latest(self) -> int:
        return len(self._rollouts) - 1

    def at(self, moment: datetime) -> int:
        """The one in force at a moment; the first one, before there was any."""
        return max((index for index, each in enumerate(self._rollouts) if each.published_at <= moment), default=0)

    def of(self, version: int, moment: datetime | None = None) -> int:
        """The latest one of a version that was published, as of a moment."""
        found = [index for index, each in enumerate(self._rollouts) if each.version == version]
        known = [index for index in found if moment is None or self._rollouts[index].published_at <= moment]
        return known[-1] if known else found[0]

    async def model(self, publication: int) -> CompiledModel:
        return await self._models.version(self._connection, self._rollouts[publication].version)

    async def names(self, since: int, until: int) -> Names:
        """What the stages of the model of one publication were called at another, which may be an earlier one."""
        if (since, until) not in self._names:
            step = 1 if since <= until else -1
            models = [await self.model(index) for index in range(since, until + step, step)]
            self._names[since, until] = await self._models.stage_names(models)
        return self._names[since, until]

    async def names_by(self, model: CompiledModel, since: int, until: int) -> Names:
        """The same by a model that would have been published next."""
        last = await self.model(until)
        names, renamed = await self.names(since, until), await self._models.stage_names([last, model])
        return {old: renamed.get(name, name) for old, name in names.items()}

    async def names_before(self, wanted: Collection[str]) -> set[str]:
        """By which names leads on these stages may be stored that no rollout has reached yet."""
        names = set(wanted)
        for index in range(self.latest, -1, -1):
            names |= {old for old, new in (await self.names(index, self.latest)).items() if new in wanted}
            if self._rollouts[index].finished_at is not None:
                break
        return names
