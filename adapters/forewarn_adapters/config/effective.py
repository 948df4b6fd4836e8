"""The configuration as it takes effect: defaults filled in, secrets as asterisks."""

from collections.abc import Mapping
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import yaml
from pydantic import SecretStr

from forewarn_adapters.config.endpoints import Section
from forewarn_adapters.config.learning import CalendarServer
from forewarn_adapters.config.schema import Config
from forewarn_adapters.config.values import origin, redacted
from forewarn_models.budget import Budget
from forewarn_models.durations import format_duration

_HIDDEN = "*" * 16
_URLS = frozenset({"url", "store_url", "tracking_url"})


def effective_text(config: Config) -> str:
    """Return the configuration as YAML that says the same, but for what is secret."""
    return yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True, width=100)


def plain(value: object, key: str = "") -> object:  # noqa: PLR0911  one line for each kind
    """Return what the file may say for a value, as plain data; what is secret as asterisks."""
    if isinstance(value, Section):
        entries = ((name, getattr(value, name)) for name in type(value).model_fields)
        key_of = {"url": "ical"} if isinstance(value, CalendarServer) else {}
        return {
            name: plain(each, key_of.get(name, name)) for name, each in entries if each is not None
        }
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, SecretStr):
        return _HIDDEN
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Budget | Path | date | IPv4Network | IPv6Network):
        return str(value)
    return _without_secrets(value, key) if isinstance(value, str) else value


def _without_secrets(value: str, key: str) -> str:
    # The path of a calendar may be all that keeps it private.
    if key == "ical":
        return origin(value)
    return redacted(value) if key in _URLS else value
