"""Column names: comparing them, turning them into names of traits, and the usual ones.

Names are equal if their letters and digits are: `First Name`, `firstName`, `FIRSTNAME` and `$first_name`. Below, they
are written in that form, the likeliest first. Other words for people and companies are in `form_names`, because forms
use them, too.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

_WORD_ENDS = re.compile(r"(?<=[^\W_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_GAPS = re.compile(r"[\W_]+")
_CUSTOM_FIELD = re.compile(r"__c$", re.IGNORECASE)  # Salesforce's suffix for custom fields

PERSON_FIELDS: Mapping[str, tuple[str, ...]] = {
    "userId": ("userid",),
    "anonymousId": ("anonymousid",),
    "email": ("email", "emailaddress", "mail"),
    "phone": ("phone", "phonenumber", "telephone", "telephonenumber"),
    "messageId": ("messageid",),
}
PERSON_TIMES = (
    *("timestamp", "updatedat", "lastmodifieddate", "lastmodified", "modifieddate", "lastupdated", "updated"),
    *("createdat", "createdate", "createddate", "datecreated", "created", "creationdate", "signupdate", "signedupat"),
)
EVENT_TIMES = (
    *("timestamp", "eventtimestamp", "eventtime", "occurredat", "originaltimestamp", "time", "datetime", "date"),
    *("eventdate", "createdat", "createdate", "createddate", "datecreated", "created"),
)
EVENT_NAMES = ("event", "eventname")
TRAITS: Mapping[str, tuple[str, ...]] = {
    "job_title": ("jobtitle",),
    "company": ("company", "companyname", "companyaccount", "accountname"),
    "company_size": ("companysize", "numberofemployees", "noofemployees"),
    "lead_source": ("leadsource",),
    "lead_status": ("leadstatus",),
}


@lru_cache(maxsize=4096)
def comparable_name(name: str) -> str:
    """A name's letters and digits in lower case, to compare names by."""
    return tidy_name(name).replace("_", "").casefold()


def tidy_name(name: str) -> str:
    """A name in snake case: `Company Size`, `companySize` and `Company_Size__c` are `company_size`."""
    spaced = _WORD_ENDS.sub(" ", _CUSTOM_FIELD.sub("", name))
    return _GAPS.sub("_", spaced).strip("_").lower() or name
