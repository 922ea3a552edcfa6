"""The period that a report's page covers, and the other periods that it offers."""

from dataclasses import dataclass
from datetime import date, timedelta

from app.documents.periods import period

DAYS_PER_WEEK = 7
DEFAULT_WEEKS = 13
OFFERED_WEEKS = (4, 13, 26, 52)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in UTC, both included."""

    first: date
    last: date

    @classmethod
    def of(cls, first: date | None, last: date | None, today: date) -> "Period":
        """The period asked for; by default 13 weeks, so that the chart begins with a whole one.

        Raises `ValidationFailed`.
        """
        if first is None and last is None:
            return cls.weeks(DEFAULT_WEEKS, today)
        return cls(*period(first, last, today))

    @classmethod
    def weeks(cls, count: int, today: date) -> "Period":
        """The week of today, up to today, and the weeks before it."""
        monday = today - timedelta(days=today.weekday())
        return cls(monday - timedelta(weeks=count - 1), today)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def label(self) -> str:
        weeks = -(-self.days // DAYS_PER_WEEK)
        return f"{weeks} weeks" if weeks > 1 else f"{self.days} days"

    @property
    def query(self) -> str:
        return f"from={self.first}&to={self.last}"

    def before(self) -> "Period":
        """The period of the same length that ends the day before; shorter at the beginning of the calendar."""
        back = min(self.days, (self.first - date.min).days)
        return Period(self.first - timedelta(days=back), self.first - timedelta(days=min(back, 1)))


def offered(today: date) -> list[Period]:
    return [Period.weeks(count, today) for count in OFFERED_WEEKS]
