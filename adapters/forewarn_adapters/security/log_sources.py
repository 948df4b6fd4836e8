"""Which lines a Sigma rule is about: its `logsource` as a function of a record."""

from dataclasses import dataclass

from sigma.rule import SigmaLogSource

from forewarn_adapters.logs.batch import LogStream
from forewarn_adapters.security.conditions import Holds
from forewarn_adapters.security.extraction import (
    AUDIT,
    FIELDS,
    FIREWALL,
    JSON,
    KUBERNETES,
    SYSLOG,
    WEB,
)
from forewarn_adapters.security.literals import LEAST_CHARACTERS, Literals
from forewarn_adapters.security.record import Record

_SSH = frozenset({"sshd", "sshd-session", "sshd-auth"})
_ACCOUNTS = frozenset(
    {"useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "gpasswd", "adduser"}
    | {"passwd", "chpasswd", "chage", "chfn", "chsh", "newusers"}
)
_LOGINS = frozenset(
    {"login", "su", "sudo", "doas", "pkexec", "polkitd", "systemd-logind", "gdm", "lightdm"}
    | {"cron", "crond", "dovecot", "vsftpd", "proftpd", "samba", "smbd"}
)
# By the service of `product: linux`.
_PROGRAMS: dict[str, frozenset[str]] = {
    "sshd": _SSH,
    "auth": _SSH | _ACCOUNTS | _LOGINS,
    "authpriv": _SSH | _ACCOUNTS | _LOGINS,
    "sudo": frozenset({"sudo"}),
    "su": frozenset({"su"}),
    "cron": frozenset({"cron", "crond", "crontab", "anacron", "atd"}),
    "vsftpd": frozenset({"vsftpd"}),
}
_STRUCTURED = {JSON, FIELDS}
_ANY_LOGIN = {"auth", "authpriv"}  # whatever uses PAM
_WEB_SERVERS = frozenset({"apache", "nginx", "haproxy", "iis", "caddy", "traefik", "envoy"})
_WEB_PROGRAMS = {"apache": frozenset({"apache", "apache2", "httpd"})}


@dataclass(frozen=True, slots=True)
class About:
    """The lines that a rule is about.

    Args:
        holds: whether a record is one of them.
        literals: what each of them has; None where that cannot be said.
        programs: all lines of streams of these services may be of them.
    """

    holds: Holds
    literals: Literals = None
    programs: frozenset[str] = frozenset()

    def may_be_all_of(self, stream: LogStream) -> bool:
        """Return whether lines of a stream may be meant also where they have no literal."""
        return stream.service.rpartition("/")[2].lower() in self.programs


def about(source: SigmaLogSource) -> About:
    """Return which lines a log source means.

    `product: linux` with a service means lines of that program, with none all lines. Web servers,
    firewalls, auditd and Kubernetes' audit are told by what their lines look like. Any other
    source means lines with fields: JSON, logfmt.
    """
    category, product = source.category or "", source.product or ""
    service = source.service or ""
    if product == "kubernetes":
        return _of_kind(KUBERNETES, "auditid")
    if category in {"webserver", "proxy"} or product in _WEB_SERVERS or service in _WEB_SERVERS:
        return _web(service or product)
    if category == "firewall":
        return _of_kind(FIREWALL, " src=")
    if service == "auditd":
        return _of_kind(AUDIT, "msg=audit(")
    if product in {"", "linux", "unix"} and not category:
        return _linux(service)
    return About(lambda record: not _STRUCTURED.isdisjoint(record.extracted.kinds))


def _of_kind(kind: str, literal: str) -> About:
    def holds(record: Record) -> bool:
        return kind in record.extracted.kinds

    return About(holds, frozenset((literal,)))


def _web(name: str) -> About:
    programs = _WEB_PROGRAMS.get(name, frozenset((name,)) if name else frozenset())
    return About(
        lambda record: WEB in record.extracted.kinds or record.program in programs,
        programs=programs,
    )


def _linux(service: str) -> About:
    if not service:
        return About(lambda record: True)  # noqa: ARG005  each record
    if service == "syslog":
        return About(lambda record: SYSLOG in record.extracted.kinds)
    programs = _PROGRAMS.get(service, frozenset((service.lower(),)))
    is_any_login = service in _ANY_LOGIN

    def holds(record: Record) -> bool:
        return record.program in programs or (is_any_login and "pam_" in record.text)

    are_words = not is_any_login and all(len(name) >= LEAST_CHARACTERS for name in programs)
    return About(holds, programs if are_words else None, programs)
