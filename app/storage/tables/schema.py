"""What all tables share: how constraints are named, and types of columns."""

from sqlalchemy import MetaData, String

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

IDENTITY = String(220)  # a kind, a colon, and a value of 200 characters
ACCOUNT = String(220)  # the same
