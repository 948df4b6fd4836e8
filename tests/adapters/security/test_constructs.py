"""What Sigma rules may say, and what lines match them."""

from pathlib import Path

import pytest

from forewarn_adapters.logs.batch import LogStream
from security_parts import found, rule, rules_in

JSON = "{product: application}"
NAME = "under_test"


def matches(folder: Path, detection: str, line: str | bytes, logsource: str = JSON) -> bool:
    return found(rules_in(folder, rule(detection, logsource=logsource)), [line]) == {NAME}


@pytest.mark.parametrize(
    ("detection", "yes", "no"),
    [
        ("a: {user: ana}", {"user": "ANA"}, {"user": "anna"}),
        ("a: {user|cased: ana}", {"user": "ana"}, {"user": "Ana"}),
        ("a: {user|contains: na}", {"user": "hanah"}, {"user": "n a"}),
        ("a: {user|startswith: an}", {"user": "Anton"}, {"user": "hanah"}),
        ("a: {user|endswith: an}", {"user": "johan"}, {"user": "hanah"}),
        ("a: {user|contains|all: [an, ah]}", {"user": "hanah"}, {"user": "an"}),
        ("a: {user: [ana, bo]}", {"user": "bo"}, {"user": "cy"}),
        ("a: {user: 'a*n?'}", {"user": "a---nb"}, {"user": "a---n"}),
        ("a: {user: 'a*'}", {"user": "a"}, {"user": "ba"}),
        ("a: {user: '*'}", {"user": "x"}, {"user": ""}),
        (r"a: {user: 'a\*n'}", {"user": "a*n"}, {"user": "abn"}),
        ("a: {path: '**tmp**'}", {"path": "/tmp/x"}, {"path": "/t/m/p"}),
        ("a: {user|re: '^a.+a$'}", {"user": "anna"}, {"user": "Anna"}),
        ("a: {user|re|i: '^a.+a$'}", {"user": "ANNA"}, {"user": "banna"}),
        ("a: {text|re|s: 'a.b'}", {"text": "a\nb"}, {"text": "a--b"}),
        ("a: {text|re|m: '^b$'}", {"text": "a\nb"}, {"text": "a b"}),
        ("a: {address|cidr: 10.0.0.0/8}", {"address": "10.1.2.3"}, {"address": "11.1.2.3"}),
        ("a: {address|cidr: '2001:db8::/32'}", {"address": "2001:db8::1"}, {"address": "x"}),
        ("a: {bytes|gt: 100}", {"bytes": 101}, {"bytes": 100}),
        ("a: {bytes|gte: 100}", {"bytes": "100"}, {"bytes": "many"}),
        ("a: {bytes|lt: 100}", {"bytes": 99.5}, {"bytes": 100}),
        ("a: {bytes|lte: 100}", {"bytes": 100}, {"bytes": 100.5}),
        ("a: {status: 404}", {"status": 404}, {"status": 4040}),
        ("a: {status: 404}", {"status": "404"}, {"status": "x404"}),
        ("a: {status: 404}", {"status": 404.0}, {"status": 404.5}),
        ("a: {ok: true}", {"ok": True}, {"ok": False}),
        ("a: {ok: false}", {"ok": False}, {"okay": False}),
        ("a: {user: null}", {"account": "x"}, {"user": "ana"}),
        ("a: {user|exists: true}", {"user": ""}, {"account": "ana"}),
        ("a: {user|exists: false}", {"account": "ana"}, {"user": "ana"}),
        ("a: {from|fieldref: to}", {"from": "Ana", "to": "ana"}, {"from": "ana", "to": "bo"}),
        ("a: {from|fieldref|contains: to}", {"from": "xanax", "to": "ana"}, {"from": "an"}),
        ("a: {from|fieldref|startswith: to}", {"from": "ana", "to": "a"}, {"from": "a", "to": "n"}),
        ("a: {from|fieldref|endswith: to}", {"from": "bna", "to": "na"}, {"from": "a", "to": "n"}),
        ("a: {user|neq: ana}", {"user": "bo"}, {"user": "ana"}),
        ("a: {text|base64: secret}", {"text": "c2VjcmV0"}, {"text": "secret"}),
        ("a: {text|base64offset|contains: secret}", {"text": "IHNlY3JldA=="}, {"text": "secret"}),
        ("a: {line|windash|contains: ' -enc '}", {"line": "x /enc y"}, {"line": "x enc y"}),
        ("a: {'|windash': ' -enc '}", {"line": "x /enc y"}, {"line": "x enc y"}),
        ("a: ['*']", {"line": "x"}, None),
        ("a: {groups: admin}", {"groups": ["dev", "admin"]}, {"groups": ["administrators"]}),
        ("a: {who.name: ana}", {"who": {"name": "ana"}}, {"who": {"name": "bo"}, "name": "ana"}),
        ("a: {items.0.name: ana}", {"items": [{"name": "ana"}]}, {"items": [{"name": "bo"}]}),
        ("a: {user: ana, ok: true}", {"user": "ana", "ok": True}, {"user": "ana", "ok": False}),
        ("a: [{user: ana}, {user: bo}]", {"user": "bo"}, {"user": "cy"}),
        ("a: ['one', 'two']", {"text": "is TWO"}, {"text": "three"}),
        ("a: ['on*ee']", {"text": "on three"}, {"text": "on"}),
        ("a: {'|all': ['one', 'two']}", {"text": "two one"}, {"text": "one"}),
        ("a: ['naïve']", {"text": "NAÏVE"}, {"text": "naive"}),
        ("a: [404]", {"text": "got 404"}, {"text": "got 40"}),
        ("a: ['say \"x\"']", {"text": 'say "x"'}, {"text": "say x"}),
    ],
)  # fmt: skip
def test_values(tmp_path: Path, detection: str, yes: dict[str, object], no: object) -> None:
    import json

    whole = f"  {detection}\n  condition: a"
    assert matches(tmp_path, whole, json.dumps(yes))
    assert not matches(tmp_path, whole, json.dumps(no))


@pytest.mark.parametrize(
    ("condition", "words", "expected"),
    [
        ("one", "alpha", True),
        ("not one", "beta", True),
        ("not one", "alpha", False),
        ("one and two", "alpha", False),
        ("one and two", "alpha beta", True),
        ("one or two", "beta", True),
        ("one and not two", "alpha beta", False),
        ("(one or two) and not filter_x", "beta gamma", False),
        ("1 of them", "gamma", True),
        ("any of them", "gamma", True),
        ("all of them", "alpha beta", False),
        ("all of them", "alpha beta gamma delta", True),
        ("1 of filter_*", "delta", True),
        ("all of filter_*", "delta", False),
        ("one and not 1 of filter_*", "alpha", True),
        ("one and not 1 of filter_*", "alpha delta", False),
        ("one and not all of filter_*", "alpha delta", True),
    ],
)
def test_conditions(tmp_path: Path, condition: str, words: str, expected: bool) -> None:
    detections = "  one: [alpha]\n  two: [beta]\n  filter_x: [gamma]\n  filter_y: [delta]\n"
    assert (
        matches(tmp_path, f"{detections}  condition: {condition}", words, "{product: linux}")
        == expected
    )


def test_several_conditions_are_alternatives(tmp_path: Path) -> None:
    detection = "  one: [alpha]\n  two: [beta]\n  condition: [one, two]"
    for word in ("alpha", "beta"):
        assert matches(tmp_path, detection, word, "{product: linux}")
    assert not matches(tmp_path, detection, "gamma", "{product: linux}")


def test_a_filter_of_a_file_of_its_own_is_applied(tmp_path: Path) -> None:
    filtered = (
        "title: Not of ana\nlogsource: {product: linux}\n"
        f"filter:\n  rules: [{NAME}]\n  theirs: [ana]\n  condition: not theirs\n"
    )
    rules = rules_in(tmp_path, rule("  a: [alpha]\n  condition: a"), filtered)
    assert found(rules, ["alpha of bo"]) == {NAME}
    assert found(rules, ["alpha of ana"]) == set()


def test_a_global_part_is_in_all_rules_of_its_file(tmp_path: Path) -> None:
    text = (
        "action: global\nlogsource: {product: linux}\nlevel: low\n---\n"
        "title: One\nname: one\ndetection: {a: [alpha], condition: a}\n---\n"
        "title: Two\nname: two\ndetection: {a: [beta], condition: a}\n"
    )
    assert found(rules_in(tmp_path, text), ["alpha", "beta"]) == {"one", "two"}


SYSLOG = "Nov 27 10:00:00 web1 {program}[8]: alpha"


@pytest.mark.parametrize(
    ("logsource", "line", "expected"),
    [
        ("{product: linux}", "alpha", True),
        ("{product: linux, service: sshd}", SYSLOG.format(program="sshd"), True),
        ("{product: linux, service: sshd}", SYSLOG.format(program="sshd-session"), True),
        ("{product: linux, service: sshd}", SYSLOG.format(program="sudo"), False),
        ("{product: linux, service: auth}", SYSLOG.format(program="passwd"), True),
        ("{product: linux, service: auth}", "Nov 27 10:00:00 h x: pam_unix(x:auth): alpha", True),
        ("{product: linux, service: auth}", SYSLOG.format(program="cups"), False),
        ("{product: linux, service: syslog}", SYSLOG.format(program="cups"), True),
        ("{product: linux, service: syslog}", "alpha", False),
        ("{product: linux, service: cron}", SYSLOG.format(program="CRON"), True),
        ("{product: linux, service: clamav}", SYSLOG.format(program="/usr/bin/clamav"), True),
        ("{product: linux, service: at}", SYSLOG.format(program="at"), True),
        ("{service: auditd}", "type=A msg=audit(1.2:3): alpha", True),
        ("{service: auditd}", "alpha", False),
        ("{category: firewall}", "IN=e DST=10.0.0.2 alpha", False),
        ("{category: firewall}", "[X] IN=e SRC=10.0.0.1 DST=10.0.0.2 alpha", True),
        (
            "{category: webserver}",
            '1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "GET /alpha HTTP/1.1" 200 1',
            True,
        ),
        ("{category: webserver}", "alpha", False),
        ("{product: apache, service: error}", SYSLOG.format(program="error"), True),
        ("{product: nginx}", SYSLOG.format(program="nginx"), True),
        ("{product: kubernetes, service: audit}", '{"auditID": "1", "verb": "alpha"}', True),
        ("{product: kubernetes, service: audit}", '{"verb": "alpha"}', False),
        ("{product: aws, service: cloudtrail}", '{"eventName": "alpha"}', True),
        ("{product: aws, service: cloudtrail}", "alpha", False),
        ("{category: process_creation, product: linux}", '{"Image": "alpha"}', True),
    ],
)
def test_log_sources(tmp_path: Path, logsource: str, line: str, expected: bool) -> None:
    assert matches(tmp_path, "  a: [alpha]\n  condition: a", line, logsource) == expected


@pytest.mark.parametrize(
    "detection", ["  a: [alpha]", "  a: {message|re: '^al'}", "  a: {message: 'a?p*'}"]
)
def test_a_stream_of_a_program_needs_no_header(tmp_path: Path, detection: str) -> None:
    rules = rules_in(tmp_path, rule(f"{detection}\n  condition: a", logsource="{service: sshd}"))
    assert found(rules, ["alpha"], stream=LogStream(service="sshd")) == {NAME}
    assert found(rules, ["alpha"], stream=LogStream(service="cups")) == set()


@pytest.mark.parametrize(
    "detection",
    [
        "{source.ip: 10.0.0.1, user.name: ana, host.name: web1, process.name: sshd}",
        "{client_ip|cidr: 10.0.0.0/8, user_name|exists: true, host: web1, service: sshd}",
        "{c-ip: 10.0.0.1, username|fieldref: User}",
        "{computer: web1, DestinationPort: null}",
    ],
)
def test_fields_of_text_go_by_the_names_of_public_rules(tmp_path: Path, detection: str) -> None:
    line = "Nov 27 10:00:00 web1 sshd[8]: Failed password for ana from 10.0.0.1 port 22 ssh2"
    whole = f"  a: {detection}\n  condition: a"
    assert matches(tmp_path, whole, line, "{product: linux}")
    assert not matches(tmp_path, whole, "Nov 27 10:00:00 web2 cups[8]: ana", "{product: linux}")


def test_a_host_that_only_the_source_knows_is_a_field(tmp_path: Path) -> None:
    rules = rules_in(tmp_path, rule("  a: {host: web7}\n  condition: a"))
    assert found(rules, ["alpha"], stream=LogStream(host="web7")) == {NAME}


@pytest.mark.parametrize(
    ("detection", "is_slow"),
    [
        ("a: [al]", True),
        ("a: [alp]", False),
        ("a: ['?*']", True),
        ("a: {user|re: 'longword'}", True),
        ("a: {user: null}", True),
        ("a: {user|exists: true}", True),
        ("a: {action: drop}", True),
        ("a: {user|re: 'x', text: longword}", False),
        ("a: ['longword', 'al']", True),
        ("a: ['日本語']", True),
    ],
)
def test_rules_without_words_are_told_to_be_slow(
    tmp_path: Path, detection: str, is_slow: bool
) -> None:
    rules = rules_in(tmp_path, rule(f"  {detection}\n  condition: a"))
    assert bool(rules.slow) == is_slow


@pytest.mark.parametrize(
    "line", ['{"a": "<Script>/x"}', r'{"a": "\u003cscript\u003E\/x"}', r'{"a": "<script>\/x"}']
)
def test_words_are_found_however_json_escapes_them(tmp_path: Path, line: str) -> None:
    assert matches(tmp_path, "  a: {a|contains: '<script>/x'}\n  condition: a", line)
    assert matches(tmp_path, "  a: ['<script>/x']\n  condition: a", line)


def test_what_auditd_writes_in_hexadecimal_is_found(tmp_path: Path) -> None:
    line = "type=EXECVE msg=audit(1.2:3): argc=1 a0=" + b"run me\0now".hex().upper()
    detection = "  a: {a0|contains: 'run me'}\n  condition: a"
    assert matches(tmp_path, detection, line, "{service: auditd}")
