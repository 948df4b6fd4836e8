"""Fields of the lines that security rules ask about, by the names that Sigma rules use."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from forewarn_adapters.security.json_fields import json_fields
from forewarn_adapters.security.system_fields import program_fields

# What a line may be of; `FIELDS`: of a form that is told elsewhere, such as logfmt.
JSON, FIELDS, WEB, AUDIT = "json", "fields", "web", "audit"
FIREWALL, KUBERNETES, SYSLOG = "firewall", "kubernetes", "syslog"

_MOST_CHARACTERS = 16_384
_MOST_REPEATS = 10_000

# As in system_fields: time in proportion to the line, whoever wrote it.
_CONTAINER = re.compile(r"\d{4}-\d\d-\d\dT\S{1,40} std(?:out|err) [FP] ")
_SYSLOG = re.compile(
    r"(?:<\d{1,3}>)?"
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?: \d{4})?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S{0,16})"
    r" (?P<hostname>\S{1,255}) (?P<program>[^\s:\[(]{1,100})"
    r"(?:\(pam_\w{1,40}\))?(?:\[(?P<pid>\d{1,10})\])?: ?"
)
_SYSLOG_5424 = re.compile(
    r"<\d{1,3}>1 \S{1,40} (?P<hostname>\S{1,255}) (?P<program>\S{1,100}) (?P<pid>\S{1,128}) "
    r"\S{1,32} (?:-|(?:\[(?:[^\]\"]|\"(?:[^\"\\]|\\.)*+\")*+\])++) ?\ufeff?"
)
_REPEATED = re.compile(r"message repeated (\d{1,9}) times?: \[ ?(.*)\]$", re.DOTALL)
_WEB = re.compile(
    r"(?P<host>[^\s:]{1,255}(?::\d{1,5})? )?(?P<client>[0-9a-fA-F.:]{2,45}|[\w.-]{1,255}) "
    r"\S{1,255} (?P<user>\S{1,255}|\"[^\"]{0,255}\") \[[^\]]{10,40}\] "
    r"\"(?P<request>(?:[^\"\\]|\\.)*+)\" (?P<status>\d{3}) (?P<size>\d{1,20}|-)"
    r"(?: \"(?P<referrer>(?:[^\"\\]|\\.)*+)\" \"(?P<agent>(?:[^\"\\]|\\.)*+)\")?"
)
_JSON_TEXTS = ("MESSAGE", "message", "msg", "log")
_JSON_PROGRAMS = ("SYSLOG_IDENTIFIER", "syslog_identifier", "program", "appname", "process.name")
_WEB_NAMES = {
    "c-ip": ("remote_addr", "client_ip", "clientip", "client", "remote_ip", "source.ip", "ip"),
    "cs-method": ("request_method", "method", "http.request.method", "verb"),
    "sc-status": ("status", "status_code", "response", "http.response.status_code", "code"),
    "cs-user-agent": ("http_user_agent", "user_agent", "user_agent.original", "agent"),
    "cs-referer": ("http_referer", "referer", "referrer", "http.request.referrer"),
    "cs-uri": ("request_uri", "uri", "url", "path", "url.original", "http.target"),
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was found in a line: what kinds of log it may be of, its program, its fields."""

    kinds: frozenset[str]
    program: str
    fields: Mapping[str, str] = field(default_factory=dict)
    repeats: int = 1


def extracted(line: bytes, message: bytes, service: str) -> Extracted:
    """Return what a line says. Only its first 16 KiB are looked at."""
    text = line[:_MOST_CHARACTERS].decode("utf-8", "replace")
    container = _CONTAINER.match(text)
    if container:
        text = text[container.end() :]
    if text.startswith("{"):
        found = json_fields(text)
        if found:
            return _of_json(found, service)
    header = _SYSLOG.match(text) or _SYSLOG_5424.match(text)
    if header:
        return _of_program(text[header.end() :], header["program"], dict(header.groupdict("")))
    web = _WEB.match(text)
    if web:
        return Extracted(frozenset((WEB,)), _bare(service), _web_fields(web))
    if len(message) != len(line):
        text = message[:_MOST_CHARACTERS].decode("utf-8", "replace")
    return _of_program(text, service, {})


def _of_program(text: str, program: str, fields: dict[str, str]) -> Extracted:
    repeats = 1
    repeated = _REPEATED.match(text)
    if repeated:
        repeats, text = min(int(repeated[1]), _MOST_REPEATS), repeated[2]
    kinds = {SYSLOG} if program else set()
    bare = _bare(program)
    if "msg=audit(" in text:
        kinds.add(AUDIT)
    if " SRC=" in text and " DST=" in text:
        kinds.add(FIREWALL)
    found = program_fields(bare, text, is_audit=AUDIT in kinds, is_firewall=FIREWALL in kinds)
    return Extracted(frozenset(kinds), bare, {**fields, "message": text, **found}, repeats)


def _of_json(found: dict[str, str], service: str) -> Extracted:
    program = next((found[name] for name in _JSON_PROGRAMS if name in found), service)
    text = next((found[name] for name in _JSON_TEXTS if name in found), "")
    inner = _of_program(text, program, {}) if text else Extracted(frozenset(), _bare(program))
    kinds = {JSON, *inner.kinds}
    if "auditID" in found and "verb" in found:
        return Extracted(frozenset((JSON, KUBERNETES)), inner.program, _kubernetes(found))
    web = _web_names(found)
    if "sc-status" in web and "cs-uri-stem" in web:
        kinds.add(WEB)
        found = {**found, **web}
    elif text and (line := _WEB.match(text)):
        kinds.add(WEB)
        found = {**found, **_web_fields(line)}
    return Extracted(frozenset(kinds), inner.program, {**inner.fields, **found}, inner.repeats)


def _kubernetes(found: dict[str, str]) -> dict[str, str]:
    address = found.get("sourceIPs.0", found.get("sourceIPs", ""))
    return {**found, "src_ip": address, "user": found.get("user.username", "")}


def _web_names(found: Mapping[str, str]) -> dict[str, str]:
    named = {
        name: found[other]
        for name, others in _WEB_NAMES.items()
        for other in others[::-1]
        if other in found
    }
    if "cs-uri" not in named and "request" in found:
        named.update(_request_fields(found["request"]))
    return {**named, **_uri_fields(named.get("cs-uri", ""))}


def _web_fields(line: "re.Match[str]") -> dict[str, str]:
    fields = {
        "c-ip": line["client"],
        "sc-status": line["status"],
        "sc-bytes": line["size"],
        "cs-referer": line["referrer"] or "",
        "cs-user-agent": line["agent"] or "",
        "cs-username": "" if line["user"] == "-" else line["user"].strip('"'),
    }
    return {**fields, **_request_fields(line["request"])}


def _request_fields(request: str) -> dict[str, str]:
    method, _, rest = request.partition(" ")
    uri = rest.rpartition(" ")[0] if rest.rpartition(" ")[2].startswith("HTTP/") else rest
    if not rest:
        method, uri = "", request
    return {"cs-method": method, "cs-uri": uri, **_uri_fields(uri)}


def _uri_fields(uri: str) -> dict[str, str]:
    if not uri:
        return {}
    stem, _, query = uri.partition("?")
    return {"cs-uri-stem": stem, "cs-uri-query": query}


def _bare(program: str) -> str:
    return program.rpartition("/")[2].lower()
