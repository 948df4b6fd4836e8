"""The kinds of values that stand in `forewarn.yaml`, each with what it must be.

A validator's message says what must hold and leaves the value out: `faults.py` adds it, or the
name of the environment variable that it came from.
"""

import math
import re
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainValidator,
    Tag,
    ValidationInfo,
)

from forewarn_models.budget import Budget, parse_budget
from forewarn_models.durations import parse_duration
from forewarn_models.errors import ConfigError

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_LABEL_MATCH = re.compile(r'[a-zA-Z_][a-zA-Z0-9_]*(=|!=|=~|!~)"[^"]*"', re.ASCII)
_SOURCE_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,99}", re.ASCII)
_INDEX_PATTERN = re.compile(r"[a-z0-9*][a-z0-9.*_,-]{0,499}", re.ASCII)
_ACCOUNT_AND_PROJECT = re.compile(r"\d{1,10}:\d{1,10}", re.ASCII)
_USERINFO = re.compile(r"://\S*@")
_BOUNDS = "must be 'auto' or a low and a higher number, null for none, such as [0, 1] or [0, null]"
_STORES = ("sqlite:///", "postgresql://")
_TRACKING_SERVERS = ("sqlite:///", "postgresql://", "mysql://", "http://", "https://")


def redacted(text: str) -> str:
    """Return a URL without the user and password that may stand in it.

    >>> redacted("postgresql://ann:geheim@db/forewarn")
    'postgresql://***@db/forewarn'
    """
    return _USERINFO.sub("://***@", text)


def origin(url: str) -> str:
    """Return the scheme and the host of a url, without its path.

    >>> origin("https://calendar.example/private-3f2a/basic.ics?key=1")
    'https://calendar.example'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(str(value))
    except ConfigError as refused:
        raise ValueError(str(refused).removesuffix(f", got {str(value)!r}")) from refused


def _budget(value: object) -> Budget:
    if isinstance(value, Budget):
        return value
    try:
        return parse_budget(str(value))
    except ConfigError as refused:
        raise ValueError(
            "a budget must be a count of at least 1, a slash and a duration or hour, day, week, "
            "month, year, such as 1/30d or 2/week"
        ) from refused


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as refused:
        raise ValueError("must be a day, such as 2026-12-24") from refused


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError as refused:
        raise ValueError("must be a network such as 10.0.0.0/8 or fd00::/8") from refused


def _auto(value: object) -> object:
    if value != "auto":
        raise ValueError("must be 'auto' or a list of durations, such as [1d, 7d]")
    return value


def _seasons_form(value: object) -> str:
    return "[list]" if isinstance(value, list | tuple) else "[word]"


def _number_or_query(value: object) -> float | str:
    if isinstance(value, str) and value.strip():
        try:
            value = float(value)  # a number that came from the environment
        except ValueError:
            return str(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError("must be a finite number or a query")


def _bounds(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, list | tuple) and len(value) == 2:
        low, high = (_bound(each) for each in value)
        if low is None or high is None or low < high:
            return low, high
    raise ValueError(_BOUNDS)


def _bound(value: object) -> float | None:
    if value is None:
        return None
    try:
        bound = _number_or_query(value)
    except ValueError as refused:
        raise ValueError(_BOUNDS) from refused
    if isinstance(bound, str):
        raise ValueError(_BOUNDS)  # noqa: TRY004  pydantic collects ValueErrors
    return bound


def _whole_number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004  pydantic collects ValueErrors
    return value


def _not_empty(value: object) -> object:
    # A length bound of pydantic counts only the entries that are right.
    if isinstance(value, list | tuple) and not value:
        raise ValueError("must have at least one entry")
    return value


def _label_name(value: str) -> str:
    if not _LABEL_NAME.fullmatch(value):
        raise ValueError("must be a label name: letters, digits and '_', no digit first")
    return value


def _source_name(value: str) -> str:
    if not _SOURCE_NAME.fullmatch(value):
        raise ValueError("must be letters, digits, '_' and '-', a letter first, 100 at most")
    return value


def _index_pattern(value: str) -> str:
    if not _INDEX_PATTERN.fullmatch(value):
        raise ValueError("must be names of indices, such as logs-* or app,audit, in small letters")
    return value


def _account_and_project(value: str) -> str:
    if not _ACCOUNT_AND_PROJECT.fullmatch(value):
        raise ValueError("must be the numbers of an account and a project, such as 12:0")
    return value


def _label_match(value: str) -> str:
    if not _LABEL_MATCH.fullmatch(value):
        raise ValueError('must be a matcher such as team="checkout" or instance=~"db.*"')
    return value


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port != 0
    except ValueError:
        port_is_valid = False
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_valid:
        raise ValueError("must be a url such as http://prometheus:9090 or https://metrics.example")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password: put them under `basic_auth`")
    return value


def _store_url(value: str, info: ValidationInfo) -> str:
    if not value.startswith(_STORES):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return _in_folder_of_file(value, info)


def _tracking_url(value: str, info: ValidationInfo) -> str:
    if not value.startswith(_TRACKING_SERVERS):
        raise ValueError(f"must begin with one of {', '.join(_TRACKING_SERVERS)}")
    return _in_folder_of_file(value, info)


def _in_folder_of_file(value: str, info: ValidationInfo) -> str:
    path = value.removeprefix("sqlite:///")
    if path in (value, ":memory:"):
        return value
    return f"sqlite:///{_local_path(Path(path), info)}"


def _local_path(value: Path, info: ValidationInfo) -> Path:
    folder = info.context.get("folder") if isinstance(info.context, dict) else None
    return folder / value if isinstance(folder, Path) else value


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    is_bracketed = host.startswith("[") == (":" in host) == host.endswith("]")
    if not re.fullmatch(r"\d{1,5}", port, re.ASCII) or int(port) > 65_535 or not is_bracketed:
        raise ValueError("must be a host and a port, such as 127.0.0.1:9464 or [::1]:9464")
    return value


Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Day = Annotated[date, BeforeValidator(_day)]
AlertBudget = Annotated[Budget, BeforeValidator(_budget)]
Seasons = Annotated[
    Annotated[Literal["auto"], BeforeValidator(_auto), Tag("[word]")]
    | Annotated[tuple[Duration, ...], Field(max_length=8), Tag("[list]")],
    Discriminator(_seasons_form),
]
BoundsOfValues = Annotated[
    Literal["auto"] | tuple[float | None, float | None], PlainValidator(_bounds)
]
NumberOrQuery = Annotated[float | str, PlainValidator(_number_or_query)]
WholeNumber = Annotated[int, BeforeValidator(_whole_number)]
LabelName = Annotated[str, AfterValidator(_label_name)]
LabelMatch = Annotated[str, AfterValidator(_label_match)]
SourceName = Annotated[str, AfterValidator(_source_name)]
IndexPattern = Annotated[str, AfterValidator(_index_pattern)]
AccountAndProject = Annotated[str, AfterValidator(_account_and_project)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
# Relative to the folder of the file, wherever the command is run from.
LocalPath = Annotated[Path, AfterValidator(_local_path)]
Team = Annotated[str, Field(min_length=1, max_length=100)]
Query = Annotated[str, Field(min_length=1, max_length=10_000)]
ListenAddress = Annotated[str, AfterValidator(_listen)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
TrackingUrl = Annotated[str, AfterValidator(_tracking_url)]
NotEmpty = BeforeValidator(_not_empty)
