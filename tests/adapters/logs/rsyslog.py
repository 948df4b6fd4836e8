"""A real rsyslog that reads a file and sends its lines on, as on any Linux machine."""

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from forewarn_adapters.debian_programs import programs_directory
from forewarn_adapters.local_servers import RSYSLOG, find_program
from webhook import wait_until

# Never gives up, keeps what it cannot send, and asks again soon.
PATIENT = (
    'queue.type="LinkedList" queue.size="1000000" queue.timeoutShutdown="10000" '
    'action.resumeRetryCount="-1" action.resumeInterval="1"'
)


class Rsyslog:
    """Appends lines to the file that it reads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def log(self, lines: Iterable[str]) -> None:
        with self._path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)


@contextmanager
def rsyslog(directory: Path, address: str, **settings: str) -> Iterator[Rsyslog]:
    """An rsyslog that sends to an address; `settings` are those of its module omfwd."""
    host, port = address.rsplit(":", 1)
    directory.mkdir()
    source = directory / "numbers.log"
    source.touch()
    forward = {"target": host, "port": port, "protocol": "tcp", **settings}
    words = " ".join(f'{key.replace("_", ".")}="{value}"' for key, value in forward.items())
    config = directory / "rsyslog.conf"
    config.write_text(
        f'global(workDirectory="{directory}" maxMessageSize="64k")\n'
        'module(load="imfile")\n'
        f'input(type="imfile" file="{source}" tag="numbers:" severity="warning"'
        ' facility="local3")\n'
        f'action(type="omfwd" {words} {PATIENT})\n'
    )
    unpacked = programs_directory() / "usr"
    program = next(iter(unpacked.glob("sbin/rsyslogd")), None) or find_program(RSYSLOG)
    libraries = next(iter(unpacked.glob("lib/*/rsyslog")), None)
    environment = dict(os.environ)
    modules = []
    if libraries and program and Path(program).is_relative_to(unpacked):
        environment["LD_LIBRARY_PATH"] = str(libraries.parent)
        modules = ["-M", str(libraries)]
    command = [str(program), "-n", "-f", str(config), "-i", str(directory / "pid"), *modules]
    with (directory / "rsyslog.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        # It takes the signals as its own once it has written its number down.
        wait_until((directory / "pid").exists, every=0.01)
        yield Rsyslog(source)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
