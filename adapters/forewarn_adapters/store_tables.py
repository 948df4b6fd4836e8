"""The tables of the SQL store; released ones are only ever added to."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

SCHEMA_VERSION = 1
LONGEST_TEXT = 4_000  # characters of one audit column
# SQLite counts a row's number from 1 in this type only; PostgreSQL has room for more.
_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")

METADATA = MetaData()
SCHEMA = Table("forewarn_schema", METADATA, Column("version", Integer, primary_key=True))
LEASE = Table(
    "forewarn_lease",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("expires_milliseconds", BigInteger, nullable=False),
)
AUDIT = Table(
    "forewarn_audit",
    METADATA,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
    Column("timestamp_milliseconds", BigInteger, nullable=False, index=True),
    Column("actor", String(LONGEST_TEXT), nullable=False),
    Column("action", String(LONGEST_TEXT), nullable=False),
    Column("subject", String(LONGEST_TEXT), nullable=False, index=True),
    Column("detail", Text, nullable=False),
)
# Whose forecasts are scored, and when it was last asked to train them again out of schedule:
# `asked_version` is the champion that had lost its skill, 0 when none has.
FORECAST_SIGNAL = Table(
    "forewarn_forecast_signal",
    METADATA,
    Column("signal", String(200), primary_key=True),
    Column("mark", String(64), nullable=False),
    Column("asked_milliseconds", BigInteger, nullable=False),
    Column("asked_version", BigInteger, nullable=False),
)
FORECAST_ISSUED = Table(
    "forewarn_forecast_issued",
    METADATA,
    Column("signal", String(200), primary_key=True),
    Column("horizon_milliseconds", BigInteger, primary_key=True, autoincrement=False),
    Column("due_milliseconds", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("issued", LargeBinary, nullable=False),
)
FORECAST_TALLY = Table(
    "forewarn_forecast_tally",
    METADATA,
    Column("signal", String(200), primary_key=True),
    Column("horizon_milliseconds", BigInteger, primary_key=True, autoincrement=False),
    Column("tally", LargeBinary, nullable=False),
)
