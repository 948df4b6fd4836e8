"""Brute force in a log of sshd as the internet fills it, against counting failures by hand."""

import random
import re
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from forewarn_adapters.security.rules import SecurityRules
from forewarn_adapters.security.watch import SecurityWatch
from security_parts import SETTINGS, START, batch_of

HEAD = "{at:%b %e %H:%M:%S} bastion sshd[{pid}]: "
GUESSED = (
    "root",
    "admin",
    "test",
    "oracle",
    "ubnt",
    "pi",
    "0",
    "x from 198.51.100.99 port 22 ssh2",
)
USERS = {"ana": "192.0.2.10", "bo": "192.0.2.11", "cy": "192.0.2.12"}
DAY_SECONDS = 86_400


class Log:
    """Lines of one day, as they come."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines: list[tuple[float, str]] = []

    def add(self, second: float, text: str) -> None:
        at = datetime.fromtimestamp(START // 10**9 + second, tz=UTC)
        head = HEAD.format(at=at, pid=self.random.randrange(1_000, 32_000))
        self.lines.append((second, head + text))

    def attacker(self, address: str, *, n_tries: int, pause_seconds: float) -> None:
        second = self.random.uniform(0, DAY_SECONDS / 2)
        for _ in range(n_tries):
            second += self.random.uniform(0.5, 1.5) * pause_seconds
            user = self.random.choice(GUESSED)
            if user != "root":
                self.add(second, f"Invalid user {user} from {address}")
                self.add(second, "pam_unix(sshd:auth): check pass; user unknown")
                user = f"invalid user {user}"
            told = f"Failed password for {user} from {address} port 40{second % 1000:03.0f} ssh2"
            if self.random.random() < 0.1:
                told = f"message repeated 2 times: [ {told}]"
            self.add(second, told)
            self.add(second, f"Received disconnect from {address}: 11: Bye Bye [preauth]")

    def user(self, name: str, address: str) -> None:
        for _ in range(self.random.randrange(2, 6)):
            second = self.random.uniform(0, DAY_SECONDS)
            for typo in range(self.random.choice((0, 0, 1, 2))):
                failed = f"Failed password for {name} from {address} port 50122 ssh2"
                self.add(second + 4 * typo, failed)
            second += 12
            self.add(second, f"Accepted password for {name} from {address} port 50122 ssh2")
            self.add(second, f"pam_unix(sshd:session): session opened for user {name} by (uid=0)")


def counted_by_hand(lines: list[tuple[float, str]], least: int, within_seconds: float) -> set[str]:
    failed = defaultdict(list)
    for second, line in lines:
        found = re.search(r"(repeated (\d+) times.*)?Failed password for .* from (\S+) port", line)
        if found:
            failed[found[3]] += [second] * int(found[2] or 1)
    return {
        address
        for address, at in failed.items()
        if any(last - first <= within_seconds for first, last in zip(at, at[least - 1 :]))  # noqa: B905
    }


@pytest.mark.parametrize("seed", range(6))
def test_each_source_is_found_and_nobody_else_is_named(seed: int) -> None:
    log = Log(seed)
    for number in range(12):
        pause = log.random.choice((2, 20, 60, 100, 160, 400))
        address = f"203.0.113.{number}"
        log.attacker(address, n_tries=log.random.randrange(1, 30), pause_seconds=pause)
    for name, address in USERS.items():
        log.user(name, address)
    log.lines.sort()
    batch = batch_of([line for _, line in log.lines], seconds=[at for at, _ in log.lines])
    events = SecurityWatch(SecurityRules.load(shipped=True)).take(batch, SETTINGS)
    found = {e.source_address for e in events if e.rule_name == "ssh_brute_force_by_source"}
    assert found == counted_by_hand(log.lines, least=5, within_seconds=600)
    assert found
    bad = [event for event in events if event.rule_level in {"medium", "high", "critical"}]
    assert not {event.source_address for event in bad} & {*USERS.values(), "198.51.100.99"}
    assert not {event.account for event in bad} & {*USERS}
