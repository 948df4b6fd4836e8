"""What security rules found: one event for each thing that goes on, not one for each line."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from forewarn_adapters.security.rules import RuleFacts
from forewarn_models.patterns.secrets import without_secrets
from forewarn_models.patterns.text import readable
from forewarn_models.security.episodes import Episode

_HARMLESS = re.compile(r"[0-9a-fA-F.:]{0,45}|[\w.-]{0,15}", re.ASCII)  # addresses, short names
_NAMED = {"service", "host", "source_address", "account"}


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that a rule found, so far.

    Args:
        event_id: the same as long as it goes on.
        rule_id: the UUID of the rule.
        rule_name: its name as a label.
        rule_title: its title.
        rule_level: informational, low, medium, high or critical.
        source: of the log.
        service: the program or application that wrote the lines.
        host: where they were written; empty where nobody says so.
        began_nanoseconds: the time of the first line.
        timestamp_nanoseconds: the time of the newest.
        count: on how many lines it rests.
        source_address: where it came from; empty where the lines do not say so.
        account: whose account it is about; empty where the lines do not say so.
        fields: by what its lines belong together.
        evidence: at most five lines, cut, with secrets masked.
        is_ended: nothing more will come of it.
    """

    event_id: str
    rule_id: str
    rule_name: str
    rule_title: str
    rule_level: str
    source: str
    service: str
    host: str
    began_nanoseconds: int
    timestamp_nanoseconds: int
    count: int
    source_address: str
    account: str
    fields: Mapping[str, str]
    evidence: tuple[str, ...]
    is_ended: bool


def event_of(episode: Episode, rule: RuleFacts) -> SecurityEvent:
    """Return an episode of a rule as an event; its key is rule, source, names and values."""
    _, source, *groups = episode.key
    facts = episode.facts
    return SecurityEvent(
        _id_of(episode),
        rule.rule_id,
        rule.name,
        rule.title,
        rule.level,
        source,
        facts["service"],
        facts["host"],
        episode.began_nanoseconds,
        episode.newest_nanoseconds,
        episode.count,
        facts["source_address"],
        facts["account"],
        {
            name: clean(value)
            for name, value in zip(groups[::2], groups[1::2], strict=True)
            if name not in _NAMED
        },
        episode.evidence,
        episode.is_ended,
    )


def clean(text: str) -> str:
    """Return a text that is safe to show, with secrets masked."""
    if _HARMLESS.fullmatch(text):
        return text
    return without_secrets(readable(text.encode("utf-8", "replace")))


def _id_of(episode: Episode) -> str:
    whole = "\0".join((*episode.key, episode.facts.get("first", "")))
    return hashlib.blake2b(whole.encode("utf-8", "replace"), digest_size=8).hexdigest()
