"""Publications: which model was active when, and how each one renamed the stages of its predecessor.

Renaming a stage doesn't move any lead. A stage name is therefore meaningful only together with the version it comes
from; to compare names across versions, they are translated publication by publication, forwards or backwards.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import DamagedModel, ValidationFailed
from app.scoring.engine import CompiledModel
from app.services.models import ActiveModels
from app.storage import rollouts as rollout_store
from app.storage.rollouts import Rollout
from app.validation.names import unknown_names

Names = Mapping[str, str]
"""Stage names by the names of the same stages in another version."""


class PublishedVersion(NamedTuple):
    """A version, and the names of its stages, in its order, in the model that it was looked up for."""

    model: CompiledModel
    names: Names


class Publications:
    """All publications that a transaction sees, addressed by index, oldest first."""

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
        """The publication in force at a moment; for moments before the first publication, the first."""
        return max((index for index, each in enumerate(self._rollouts) if each.published_at <= moment), default=0)

    def of(self, version: int, moment: datetime | None = None) -> int:
        """The latest publication of a version that has been published, as of `moment`.

        Raises `DamagedModel` for another one: nothing can have been evaluated by it.
        """
        all_of_version = [index for index, each in enumerate(self._rollouts) if each.version == version]
        until_moment = [i for i in all_of_version if moment is None or self._rollouts[i].published_at <= moment]
        if not all_of_version:
            raise DamagedModel(version)
        return until_moment[-1] if until_moment else all_of_version[0]

    async def model(self, publication: int) -> CompiledModel:
        return await self._models.version(self._connection, self._rollouts[publication].version)

    async def names(self, since: int, until: int) -> Names:
        """Map stage names as of one publication to those as of another, which may be earlier."""
        if (since, until) not in self._names:
            step = 1 if since <= until else -1
            models = [await self.model(index) for index in range(since, until + step, step)]
            self._names[since, until] = await self._models.stage_names(models)
        return self._names[since, until]

    async def names_by(self, model: CompiledModel, since: int, until: int) -> Names:
        """The same, but to the names in a model as if it had been published right after `until`."""
        last = await self.model(until)
        names, renamed = await self.names(since, until), await self._models.stage_names([last, model])
        return {old: renamed.get(name, name) for old, name in names.items()}

    async def by_version(
        self, versions: Iterable[int], model: CompiledModel
    ) -> dict[int, PublishedVersion | DamagedModel]:
        """These versions with their stages' names in `model`, which need not be published: see `names_by`.

        One that can't be loaded has an error in its place.
        """
        found: dict[int, PublishedVersion | DamagedModel] = {}
        for version in versions:
            try:
                since = self.of(version)
                names = await self.names_by(model, since, self.latest)
                found[version] = PublishedVersion(await self.model(since), names)
            except DamagedModel as error:
                found[version] = error
        return found

    async def present_names(self, versions: Iterable[int]) -> dict[int, Names]:
        """The active model's names of these versions' stages, without versions that can't be loaded.

        A stage that the active model lacks counts as its first.
        """
        active = await self.model(self.latest)
        stages = [stage.name for stage in active.stages]
        return {
            version: {old: new if new in stages else stages[0] for old, new in found.names.items()}
            for version, found in (await self.by_version(versions, active)).items()
            if isinstance(found, PublishedVersion)
        }

    async def names_ever(self, stages: Collection[str]) -> set[str]:
        """The names that these stages have had since the first publication."""
        before = [await self.names(index, self.latest) for index in range(self.latest + 1)]
        return set(stages).union(*({old for old, new in names.items() if new in stages} for names in before))

    async def known_names_ever(self, stages: Collection[str]) -> set[str]:
        """The same for stages that a client names. Raises `ValidationFailed` for one that the active model lacks."""
        active = [stage.name for stage in (await self.model(self.latest)).stages]
        if faults := tuple(unknown_names("stage", "stage", stages, active)):
            raise ValidationFailed.of(*faults)
        return await self.names_ever(stages)

    async def names_before(self, stages: Collection[str]) -> set[str]:
        """The names under which leads in these stages may be stored, including leads not yet reached by a rollout."""
        names = set(stages)
        for index in range(self.latest, -1, -1):
            names |= {old for old, new in (await self.names(index, self.latest)).items() if new in stages}
            if self._rollouts[index].finished_at is not None:
                break
        return names
