"""Fields of what the programs of a Linux system say of logins, privileges, audits and packets.

Whoever attacks writes parts of these lines. So each expression here takes time in proportion to the
line: what repeats is told from what follows by its first character, or is short.
"""

import re
from collections.abc import Iterable

# An account may be called anything, also `x from 10.0.0.1 port 22 ssh2`: what follows it is
# anchored to the end of the line, so that nobody else is accused.
_ADDRESS = r"(?P<src_ip>\S{0,255}[^\s:\]])"
_PORT = r" port (?P<src_port>\d{1,10})"
_END = r"(?: \[preauth\])?$"
_LEAVING = (
    r"(?:Connection (?:closed|reset)|Disconnected|Received disconnect|Disconnecting) (?:by|from) "
)
_REASON = r"(?::? ?\d{1,3}: .*)?"
_SSH = (
    re.compile(
        r"(?P<action>Failed|Accepted|Postponed|Partial) (?P<method>\S{1,40}) for "
        rf"(?:invalid user |illegal user )?(?P<user>.*) from {_ADDRESS}{_PORT}"
        rf"(?: ssh\d?)?(?:: .*|{_END})"
    ),
    re.compile(rf"(?:Invalid|Illegal) user (?P<user>.*) from {_ADDRESS}(?:{_PORT})?{_END}"),
    re.compile(rf"error: PAM: .* for (?:illegal user )?(?P<user>.*) from {_ADDRESS}$"),
    re.compile(
        rf"{_LEAVING}(?:authenticating |invalid )?user (?P<user>.*) "
        rf"{_ADDRESS}{_PORT}{_REASON}{_END}"
    ),
    re.compile(rf"{_LEAVING}{_ADDRESS}(?:{_PORT})?{_REASON}{_END}"),
)
_PAM = re.compile(r"pam_(?P<module>\w{1,40})\((?P<service>[\w.-]{1,60}):(?P<stage>\w{1,20})\): ")
_PAM_VALUES = re.compile(
    r"tty=(?P<tty>\S{0,64}) ruser=(?P<ruser>\S{0,64}) rhost=(?P<src_ip>\S{0,255})"
    r"(?: {1,2}user=(?P<user>.*)| {0,2})$"
)
_PAM_SESSION = re.compile(
    r"session (?:opened|closed) for user (?P<target_user>[^\s(]{1,64})(?:\(uid=\d{1,10}\))?"
    r"(?: by (?P<user>[^\s(]{0,64})\(uid=\d{1,10}\))?"
)
_SUDO = re.compile(
    r" {0,20}(?P<user>\S{1,64}) : (?:(?P<reason>[^;=]{1,200}) ; )?TTY=(?P<tty>[^;]*) ; "
    r"PWD=(?P<pwd>[^;]*) ; USER=(?P<target_user>[^;]*?)"
    r"(?: ; (?:GROUP|TSID|ENV)=[^;]*)* ; COMMAND=(?P<command>.*)$"
)
_SU = re.compile(
    r"(?:FAILED SU )?\(to (?P<target_user>\S{1,64})\) (?P<user>\S{1,64}) on (?P<tty>\S{1,64})"
)
_ACCOUNTS = (
    re.compile(r"new user: name=(?P<target_user>[^,]{1,64}), UID=(?P<target_uid>\d{1,10})"),
    re.compile(r"new group: name=(?P<group>[^,]{1,64}), GID=\d{1,10}"),
    re.compile(r"add '(?P<target_user>[^']{1,64})' to (?:shadow )?group '(?P<group>[^']{1,64})'"),
    re.compile(
        r"(?:user|members of) (?P<target_user>\S{1,64}) added by (?P<user>\S{1,64}) to group "
        r"(?P<group>\S{1,64})$"
    ),
    re.compile(
        r"members of group (?P<group>\S{1,64}) set by (?P<user>\S{1,64}) to (?P<members>.*)$"
    ),
    re.compile(
        r"password for '(?P<target_user>[^']{1,64})' changed by '(?P<user>[^']{1,64})'"
    ),
)  # fmt: skip
_PAM_PASSWORD = re.compile(r"password changed for (?P<target_user>\S{1,64})")
_CRON = re.compile(r"\((?P<user>[^)]{1,64})\) (?P<action>[A-Z ]{1,30}) \((?P<command>.*)\)$")
_AUDIT_VALUE = re.compile(
    r"(?<![\w-])(?P<name>[\w-]{1,64})="
    r"(?:\"(?P<quoted>[^\"]*)\"|'(?P<inner>[^']*)'?|(?P<plain>\S*))"
)
_HEXADECIMAL = re.compile(r"(?:[0-9A-F]{2}){2,}")
_HEXADECIMAL_NAMES = re.compile(r"a\d{1,3}|proctitle|cmd|comm|exe|name|cwd|acct|data|path")
_PACKET_VALUE = re.compile(r"\b(?P<name>[A-Z]{2,6})=(?P<value>\S*)")
_PACKET_NAMES = {
    "SRC": "src_ip",
    "DST": "dst_ip",
    "SPT": "src_port",
    "DPT": "dst_port",
    "PROTO": "protocol",
}
_DROPPED = re.compile(r"(?i)\b(?:drop|block|deny|denied|reject|filter|invalid)")
_NOBODY = {"", "?", "unset", "(null)", "(none)"}
_MOST_VALUES = 200

_OF_PROGRAM: dict[str, Iterable["re.Pattern[str]"]] = {
    "sudo": (_SUDO,),
    "su": (_SU,),
    **dict.fromkeys(("cron", "crond", "crontab"), (_CRON,)),
    **dict.fromkeys(("sshd", "sshd-session", "sshd-auth"), _SSH),
    **dict.fromkeys(("useradd", "usermod", "groupadd", "groupmod", "gpasswd"), _ACCOUNTS),
    **dict.fromkeys(("passwd", "chpasswd", "adduser"), _ACCOUNTS),
}


def program_fields(program: str, text: str, *, is_audit: bool, is_firewall: bool) -> dict[str, str]:
    """Return the fields of a message: those that it has, empty values left out."""
    if is_audit:
        return _audit_fields(text)
    if is_firewall:
        return _packet_fields(text)
    pam = _PAM.match(text)
    if pam or text.startswith("authentication failure; "):
        rest = text[pam.end() :] if pam else text
        found = _PAM_VALUES.search(rest) or _PAM_SESSION.match(rest) or _PAM_PASSWORD.match(rest)
        return _told(pam) | _told(found)
    for pattern in _OF_PROGRAM.get(program, ()):
        found = pattern.match(text)
        if found:
            return _told(found)
    return {}


def _told(found: "re.Match[str] | None") -> dict[str, str]:
    return {name: value for name, value in found.groupdict().items() if value} if found else {}


def _audit_fields(text: str) -> dict[str, str]:
    """Return `key=value` of an audit event; also those inside of its `msg='...'`."""
    fields: dict[str, str] = {}
    for name, value in _audit_values(text):
        fields.setdefault(name, value)
    for name, others in (("user", ("acct", "AUID", "UID")), ("src_ip", ("addr", "hostname"))):
        told = [fields[other] for other in others if fields.get(other, "?") not in _NOBODY]
        if told:
            fields.setdefault(name, told[0])
    return fields


def _audit_values(text: str) -> Iterable[tuple[str, str]]:
    for number, found in enumerate(_AUDIT_VALUE.finditer(text)):
        if number >= _MOST_VALUES:
            return
        if found["inner"] is not None:
            yield from _audit_values(found["inner"])
        elif found["quoted"] is not None:
            yield found["name"], found["quoted"]
        else:
            yield found["name"], _of_hexadecimal(found["name"], found["plain"])


def _of_hexadecimal(name: str, value: str) -> str:
    """Return an audited text: one with spaces or worse is written in hexadecimal digits."""
    if not _HEXADECIMAL_NAMES.fullmatch(name) or not _HEXADECIMAL.fullmatch(value):
        return value
    return bytes.fromhex(value).replace(b"\0", b" ").decode("utf-8", "replace")


def _packet_fields(text: str) -> dict[str, str]:
    found = [(each["name"], each["value"]) for each in _PACKET_VALUE.finditer(text)]
    fields = {_PACKET_NAMES.get(name, name): value for name, value in found[:_MOST_VALUES]}
    prefix = text.partition(" IN=")[0]
    return {**fields, "action": "drop" if _DROPPED.search(prefix) else "log"}
