"""forewarn_adapters.security.extraction and system_fields"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forewarn_adapters.security.extraction import (
    AUDIT,
    FIREWALL,
    JSON,
    KUBERNETES,
    SYSLOG,
    WEB,
    extracted,
)

HEAD = "Nov 27 10:00:00 web1 "


def fields(line: str, *, service: str = "") -> dict[str, str]:
    encoded = line.encode()
    return dict(extracted(encoded, encoded, service).fields)


@pytest.mark.parametrize(
    ("line", "kinds", "program"),
    [
        (HEAD + "sshd[1]: x", {SYSLOG}, "sshd"),
        (HEAD + "/usr/sbin/CRON[1]: x", {SYSLOG}, "cron"),
        (HEAD + "su(pam_unix)[1]: x", {SYSLOG}, "su"),
        ("<38>Nov  7 10:00:00 web1 sudo: x", {SYSLOG}, "sudo"),
        ("Nov 27 10:00:00 2026 web1 sudo: x", {SYSLOG}, "sudo"),
        ("2026-11-27T10:00:00.123456+01:00 web1 sudo: x", {SYSLOG}, "sudo"),
        ("2026-11-27 10:00:00 web1 sudo: x", {SYSLOG}, "sudo"),
        ('<38>1 2026-11-27T10:00:00Z web1 sshd 1 ID [a b="]\\""][c] x', {SYSLOG}, "sshd"),
        ("2026-11-27T10:00:00.1Z stdout F " + HEAD + "sshd[1]: x", {SYSLOG}, "sshd"),
        (HEAD + "kernel: [X] IN=a SRC=1.1.1.1 DST=2.2.2.2 X", {SYSLOG, FIREWALL}, "kernel"),
        ("type=X msg=audit(1.2:3): a=b", {AUDIT}, ""),
        (HEAD + "audispd: type=X msg=audit(1.2:3): a=b", {SYSLOG, AUDIT}, "audispd"),
        ('1.2.3.4 - - [27/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 -', {WEB}, ""),
        ('www.example.org:80 1.2.3.4 - "a b" [27/Nov/2026:10:00:00 +0000] "-" 408 -', {WEB}, ""),
        ('{"a": 1}', {JSON}, ""),
        ('{"SYSLOG_IDENTIFIER": "sudo", "MESSAGE": "x"}', {JSON, SYSLOG}, "sudo"),
        ('{"remote_addr": "1.2.3.4", "uri": "/", "status": 200}', {JSON, WEB}, ""),
        ('{"auditID": "1", "verb": "get"}', {JSON, KUBERNETES}, ""),
        (
            '{"log": "1.2.3.4 - - [27/Nov/2026:10:00:00 +0000] \\"GET / HTTP/1.1\\" 200 1"}',
            {JSON, WEB},
            "",
        ),
        ("plain words", set(), ""),
        ("", set(), ""),
        ("{broken", set(), ""),
    ],
)
def test_kinds_and_programs(line: str, kinds: set[str], program: str) -> None:
    found = extracted(line.encode(), line.encode(), "")
    assert (found.kinds, found.program) == (kinds, program)


def test_the_source_says_the_program_where_the_line_does_not() -> None:
    line = b"Accepted password for ana from 10.0.0.1 port 22 ssh2"
    found = extracted(line, line, "/usr/sbin/sshd")
    assert found.program == "sshd"
    assert found.fields["src_ip"] == "10.0.0.1"


def test_a_message_that_was_cut_out_is_taken() -> None:
    line = b"XX Accepted password for ana from 10.0.0.1 port 22 ssh2"
    assert extracted(line, line[3:], "sshd").fields["user"] == "ana"


@pytest.mark.parametrize(
    ("message", "user", "address"),
    [
        ("Failed password for ana from 10.0.0.1 port 22 ssh2", "ana", "10.0.0.1"),
        ("Failed password for invalid user  from 10.0.0.1 port 22 ssh2", None, "10.0.0.1"),
        ("Failed password for a b from 10.0.0.1 port 22", "a b", "10.0.0.1"),
        ("Failed password for a from 10.0.0.1", None, None),
        ("Failed none for illegal user x from fe80::1%eth0 port 22 ssh2", "x", "fe80::1%eth0"),
        (
            "Accepted publickey for ana from 10.0.0.1 port 22 ssh2: RSA SHA256:x from y",
            "ana",
            "10.0.0.1",
        ),
        ("Postponed publickey for ana from 10.0.0.1 port 22 ssh2 [preauth]", "ana", "10.0.0.1"),
        ("Invalid user x from 10.0.0.1 from 10.0.0.2 port 22", "x from 10.0.0.1", "10.0.0.2"),
        ("error: PAM: User not known for illegal user x from host.example", "x", "host.example"),
        ("Connection closed by 10.0.0.1 port 22 [preauth]", None, "10.0.0.1"),
        (
            "Connection closed by authenticating user ana 10.0.0.1 port 22 [preauth]",
            "ana",
            "10.0.0.1",
        ),
        ("Received disconnect from 10.0.0.1: 11: Bye Bye [preauth]", None, "10.0.0.1"),
        ("Received disconnect from 10.0.0.1 port 22:11: disconnected by user", None, "10.0.0.1"),
        ("Disconnected from invalid user x 10.0.0.1 port 22 [preauth]", "x", "10.0.0.1"),
        ("Server listening on 0.0.0.0 port 22.", None, None),
    ],
)
def test_sshd(message: str, user: str | None, address: str | None) -> None:
    found = fields(f"{HEAD}sshd[1]: {message}")
    assert (found.get("user"), found.get("src_ip")) == (user, address)


def test_nobody_else_is_accused_by_what_an_account_is_called() -> None:
    named = "x from 10.9.9.9 port 22 ssh2"
    for message in (
        f"Failed password for {named} from 10.0.0.1 port 22 ssh2",
        f"Failed password for invalid user {named} from 10.0.0.1 port 22 ssh2",
        f"Invalid user {named} from 10.0.0.1 port 22",
        f"Accepted password for {named}: from 10.0.0.1 port 22 ssh2",
    ):
        assert fields(f"{HEAD}sshd[1]: {message}")["src_ip"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            (
                "sudo:  ana : a password is required ; TTY=pts/0 ; PWD=/a b ; "
                "USER=root ; ENV=A=b ; COMMAND=/bin/ls -l ; x"
            ),
            {
                "user": "ana",
                "reason": "a password is required",
                "tty": "pts/0",
                "pwd": "/a b",
                "target_user": "root",
                "command": "/bin/ls -l ; x",
            },
        ),
        (
            "sudo: ana : TTY=unknown ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
            {"user": "ana", "target_user": "root", "command": "/bin/ls"},
        ),
        ("su: (to root) ana on pts/0", {"user": "ana", "target_user": "root"}),
        (
            "su[2]: pam_unix(su:session): session opened for user root(uid=0) by ana(uid=1000)",
            {"user": "ana", "target_user": "root", "module": "unix", "stage": "session"},
        ),
        (
            (
                "login: pam_unix(login:auth): authentication failure; logname= uid=0 "
                "euid=0 tty=tty1 ruser= rhost=  user=a b"
            ),
            {"user": "a b", "tty": "tty1"},
        ),
        ("usermod[2]: add 'ana' to shadow group 'wheel'", {"target_user": "ana", "group": "wheel"}),
        ("groupadd[2]: new group: name=dev, GID=1000", {"group": "dev"}),
        (
            "gpasswd[2]: members of group sudo set by root to ana,bo",
            {"group": "sudo", "user": "root", "members": "ana,bo"},
        ),
        ("passwd[2]: password for 'ana' changed by 'root'", {"target_user": "ana", "user": "root"}),
        (
            "CRON[2]: (root) CMD (cd / && run (all))",
            {"user": "root", "action": "CMD", "command": "cd / && run (all)"},
        ),
        (
            "kernel: DROP-IN IN=a OUT= SRC=1.1.1.1 DST=2.2.2.2 PROTO=TCP SPT=1 DPT=2 SYN",
            {
                "action": "drop",
                "src_ip": "1.1.1.1",
                "dst_ip": "2.2.2.2",
                "src_port": "1",
                "dst_port": "2",
                "protocol": "TCP",
                "IN": "a",
            },
        ),
        ("kernel: ALLOW IN=a OUT= SRC=1.1.1.1 DST=2.2.2.2 PROTO=ICMP", {"action": "log"}),
        (
            (
                "x: type=USER_AUTH msg=audit(1.2:3): pid=1 auid=4294967295 msg='op=PAM "
                'acct="ana" addr=10.0.0.1 res=failed\''
            ),
            {
                "type": "USER_AUTH",
                "op": "PAM",
                "acct": "ana",
                "user": "ana",
                "src_ip": "10.0.0.1",
                "res": "failed",
            },
        ),
        (
            (
                'x: type=SYSCALL msg=audit(1.2:3): addr=? acct="(null)" exe=2F62 '
                'proctitle=6C73002D6C UID="bo"'
            ),
            {"user": "bo", "exe": "/b", "proctitle": "ls -l"},
        ),
    ],
)
def test_programs(line: str, expected: dict[str, str]) -> None:
    found = fields(HEAD + line)
    assert {name: found.get(name) for name in expected} == expected


def test_lines_that_were_folded_together_stand_for_as_many() -> None:
    line = HEAD + "sshd[1]: message repeated 7 times: [ Failed password for a from 1.1.1.1 port 2]"
    found = extracted(line.encode(), line.encode(), "")
    assert found.repeats == 7
    assert found.fields["src_ip"] == "1.1.1.1"
    many = line.replace(" 7 ", " 999999999 ").encode()
    assert extracted(many, many, "").repeats == 10_000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            (
                '1.2.3.4 - ana [27/Nov/2026:10:00:00 +0000] "GET /a?b=c?d HTTP/1.1" '
                '404 12 "http://r/" "Agent \\"x\\""'
            ),
            {
                "c-ip": "1.2.3.4",
                "cs-username": "ana",
                "cs-method": "GET",
                "cs-uri": "/a?b=c?d",
                "cs-uri-stem": "/a",
                "cs-uri-query": "b=c?d",
                "sc-status": "404",
                "sc-bytes": "12",
                "cs-referer": "http://r/",
                "cs-user-agent": 'Agent \\"x\\"',
            },
        ),
        (
            '1.2.3.4 - - [27/Nov/2026:10:00:00 +0000] "\\x16\\x03" 400 -',
            {"cs-method": "", "cs-uri": "\\x16\\x03", "sc-bytes": "-"},
        ),
        (
            '1.2.3.4 - - [27/Nov/2026:10:00:00 +0000] "GET /a b c" 400 0',
            {"cs-method": "GET", "cs-uri": "/a b c"},
        ),
        (
            (
                '{"client_ip": "1.2.3.4", "method": "PUT", "path": "/a?b", '
                '"status_code": 500, "user_agent": "x"}'
            ),
            {
                "c-ip": "1.2.3.4",
                "cs-method": "PUT",
                "cs-uri-stem": "/a",
                "cs-uri-query": "b",
                "sc-status": "500",
                "cs-user-agent": "x",
            },
        ),
        (
            '{"remote_addr": "1.2.3.4", "request": "GET /x HTTP/2.0", "status": "200"}',
            {"cs-method": "GET", "cs-uri-stem": "/x"},
        ),
        (
            (
                '{"auditID": "1", "verb": "get", "user": {"username": "ana"}, '
                '"sourceIPs": ["1.2.3.4", "5.6.7.8"]}'
            ),
            {"user": "ana", "src_ip": "1.2.3.4"},
        ),
        ('{"auditID": "1", "verb": "get"}', {"user": "", "src_ip": ""}),
        (
            '{"a": {"b": [1, {"c": null, "d": true}]}}',
            {"a.b": "1", "a.b.0": "1", "a.b.1.d": "true"},
        ),
    ],
)
def test_web_and_json(line: str, expected: dict[str, str]) -> None:
    found = fields(line)
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "line",
    [
        '{"a":' * 100_000,
        '{"a":' * 100 + "1" + "}" * 100,
        "{" + ",".join(f'"{number}": {number}' for number in range(50_000)) + "}",
        "[" * 100_000,
        HEAD + "x: msg=audit(" + "".join(f" a{number}=b" for number in range(5_000)),
        HEAD + "sshd[1]: Failed password for " + "a from b " * 100_000,
        HEAD + "sshd[1]: Disconnected from user " + "a " * 200_000 + "\t",
        HEAD + "sshd[1]: pam_unix(sshd:auth): " + "logname=" * 100_000,
        HEAD + "sudo: a : TTY=" + " ; GROUP=x" * 50_000,
        HEAD + "x: msg=audit(" + "a" * 200_000,
        HEAD + "x: msg=audit(" + "a=" * 200_000,
        HEAD + "x: msg=audit(" + "a='" * 200_000,
        HEAD + "kernel: SRC= SRC= DST=" + "A" * 200_000,
        HEAD + "message repeated 5 times: [" * 10_000,
        "<1>1 a b c d e " + '[x="\\' * 50_000,
        "1.2.3.4 - - [" + 'x"\\' * 50_000,
        '1.1.1.1 - - [27/Nov/2026:10:00:00 +0000] "' + "\\" * 100_001,
        "\x00" * 100_000,
        "\u202e" * 10_000,
    ],
)
def test_hostile_lines_take_bounded_time_and_fields(line: str) -> None:
    found = extracted(line.encode(), line.encode(), "")
    assert len(found.fields) <= 410
    assert sum(map(len, found.fields.values())) <= 1_000_000


@given(
    st.binary(max_size=200), st.sampled_from([b"", HEAD.encode() + b"sshd[1]: ", b"{", b"type="])
)
@settings(max_examples=200, deadline=None)
def test_nothing_raises(noise: bytes, head: bytes) -> None:
    line = head + noise
    found = extracted(line, line, "su")
    assert all(isinstance(value, str) for value in found.fields.values())


def test_random_pieces_of_real_forms_do_not_raise() -> None:
    generator = random.Random(0)
    pieces = [HEAD, "sshd[1]: ", "Failed password for ", " from ", "1.2.3.4", " port ", "'", '"']
    pieces += ["msg=audit(", "=", " ; ", "COMMAND=", "[", "]", '{"a": "', "}", "pam_unix(a:b): "]
    for _ in range(2_000):
        fields("".join(generator.choices(pieces, k=8)))
