"""The people of the demo data: invented names at invented companies, with the source that brings each of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

Choice = TypeVar("Choice")

FIRST_NAMES = (
    *("Amara", "Anders", "Beatriz", "Callum", "Chiara", "Daniela", "Dmitri", "Elif", "Emeka", "Farah", "Felix"),
    *("Greta", "Hana", "Henrik", "Imani", "Ines", "Jonas", "Kaia", "Kenji", "Leila", "Liam", "Mateo", "Mei", "Nadia"),
    *("Niamh", "Olga", "Oscar", "Priya", "Rafael", "Rosa", "Samir", "Sofia", "Tariq", "Thandi", "Tomas", "Uma"),
    *("Viktor", "Yara"),
)
LAST_NAMES = (
    *("Abara", "Almqvist", "Bianchi", "Brandt", "Castell", "Chaudhry", "Dekker", "Duarte", "Eklund", "Farrow"),
    *("Ferrante", "Galvin", "Grieve", "Haddad", "Hollis", "Ishikawa", "Jansen", "Kaplan", "Keane", "Kowal", "Lindgren"),
    *("Maddox", "Marchetti", "Mbeki", "Moreau", "Nakata", "Novak", "Okafor", "Osei", "Petrov", "Quill", "Rahimi"),
    *("Reyes", "Sandoval", "Sethi", "Soares", "Thorne", "Ueda", "Vasquez", "Weiss", "Yilmaz", "Zeman"),
)
COMPANY_NAMES = (
    *("Amberlight", "Birchway", "Bluecrest", "Cobalt Harbour", "Copperline", "Driftwood", "Eastmoor", "Fernhill"),
    *("Glasswing", "Greyfield", "Halcyon", "Ironbridge", "Juniper Lane", "Kestrel", "Larkspur", "Lowland", "Marigold"),
    *("Northbeam", "Oakhurst", "Pinewood", "Quarrystone", "Redfern", "Saltmarsh", "Silverbirch", "Stonegate"),
    *("Thistledown", "Umberfield", "Vantage Row", "Westerly", "Willowbrook", "Windrose", "Yarrow"),
)
TRADES = ("Analytics", "Foods", "Freight", "Health", "Instruments", "Labs", "Media", "Software", "Systems", "Travel")

JOB_TITLES: Mapping[str, int] = {
    "Head of Marketing": 4,
    "Marketing Manager": 5,
    "VP Sales": 3,
    "Founder": 3,
    "Operations Manager": 3,
    "Data Analyst": 4,
    "Software Engineer": 4,
    "Consultant": 2,
    "Student": 2,
}
COMPANY_SIZES: Mapping[str, int] = {"1-10": 4, "11-50": 5, "51-200": 6, "201-500": 4, "501-1000": 2, "1001-5000": 1}
COUNTRIES: Mapping[str, int] = {"DE": 5, "GB": 5, "US": 5, "NL": 3, "SE": 2, "FR": 3, "BR": 2, "IN": 2, "ZA": 1}
INDUSTRIES: Mapping[str, int] = {"Software": 5, "Retail": 3, "Finance": 3, "Logistics": 3, "Health": 2, "Media": 2}

ARRIVALS: Mapping[tuple[str, str], int] = {  # referrer, query of the landing page
    ("https://www.google.com/", ""): 36,
    ("", ""): 22,
    ("https://www.google.com/", "?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=demo"): 10,
    ("https://www.google.com/", "?utm_source=google&utm_medium=cpc&utm_campaign=lead-scoring&gclid=demo"): 7,
    ("https://www.linkedin.com/", ""): 9,
    ("https://www.linkedin.com/", "?utm_source=linkedin&utm_medium=paid-social&utm_campaign=webinar"): 4,
    ("", "?utm_source=newsletter&utm_medium=email&utm_campaign=monthly"): 8,
    ("https://reviews.example/best-tools", ""): 5,
    ("https://chatgpt.com/", ""): 3,
}
DAYS = 90
FREE_MAIL_SHARE = 0.16


@dataclass(frozen=True, slots=True)
class Contact:
    """What a lead says about itself in a form."""

    first_name: str
    last_name: str
    email: str
    company: str
    job_title: str
    company_size: str
    country: str
    industry: str

    def traits(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Person:
    """A visitor. `intent`, from 0 to 1, is what no event says outright and everything depends on.

    `contact`: None if the visitor never leaves an address.
    """

    number: int
    first_seen_at: datetime
    referrer: str
    query: str
    intent: float
    contact: Contact | None

    @property
    def anonymous_id(self) -> str:
        return f"demo-visitor-{self.number}"

    @property
    def user_id(self) -> str:
        return f"demo-user-{self.number}"


def invent_people(random: Random, now: datetime, visitors: int, leads: int) -> Iterator[Person]:
    """`visitors` people who arrived within the last 90 days, of which `leads` leave an address."""
    for number in range(1, visitors + 1):
        is_lead = number <= leads
        # Slightly more people arrive from week to week; a lead has had a day to leave its address.
        age = timedelta(days=DAYS * random.random() ** 1.15) + timedelta(days=1 if is_lead else 0)
        referrer, query = pick(random, ARRIVALS)
        yield Person(
            number=number,
            first_seen_at=now - min(age, timedelta(days=DAYS)),
            referrer=referrer,
            query=query,
            intent=random.betavariate(2.2, 2.6) if is_lead else random.betavariate(1.1, 6),
            contact=_invent_contact(random, number) if is_lead else None,
        )


def _invent_contact(random: Random, number: int) -> Contact:
    first_name, last_name = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
    name, trade = random.choice(COMPANY_NAMES), random.choice(TRADES)
    domain = f"{name}-{trade}.example".lower().replace(" ", "-")
    mailbox = f"{first_name}.{last_name}".lower()
    # Nobody reads the tag's mailbox: nothing is ever sent, and a real person may have the plain one.
    free = f"{mailbox}+leadscore-demo-{number}@gmail.com"
    return Contact(
        first_name=first_name,
        last_name=last_name,
        email=free if random.random() < FREE_MAIL_SHARE else f"{mailbox}.{number}@{domain}",
        company=f"{name} {trade}",
        job_title=pick(random, JOB_TITLES),
        company_size=pick(random, COMPANY_SIZES),
        country=pick(random, COUNTRIES),
        industry=pick(random, INDUSTRIES),
    )


def pick(random: Random, weights: Mapping[Choice, int]) -> Choice:
    return random.choices(list(weights), list(weights.values()))[0]
