"""Monitoring servers from Debian's packages, unpacked into a folder of our own.

Nothing is installed on the system and no root is needed: apt downloads the packages and checks
them against its signed lists, dpkg unpacks them. Installing them instead would start servers
that listen on every interface.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from forewarn_models.errors import SourceUnavailable

# Debian's Alertmanager reads its template from this folder alone, which an installed one has.
_FOLDER = b"/usr/share/prometheus/alertmanager"
_ALERTMANAGER = Path("usr/bin/prometheus-alertmanager")
TEMPLATE_DIRECTORY = Path("usr/share/prometheus/alertmanager")

PACKAGES = ("prometheus", "prometheus-alertmanager", "prometheus-node-exporter")
# For tests: rsyslog with TLS, and what it is linked to.
RSYSLOG_PACKAGES = ("rsyslog", "rsyslog-openssl", "libestr0", "libfastjson4")
_SECONDS = 300.0


def programs_directory() -> Path:
    """Return the folder that programs are unpacked into: one for each user, kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "forewarn" / "programs"


def fetch_programs(directory: Path, packages: Sequence[str] = PACKAGES) -> None:
    """Download `packages` with apt and unpack them into `directory`.

    Raises SourceUnavailable, in one line, where apt is not there or cannot reach its mirror.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise SourceUnavailable("Debian's apt-get and dpkg must be there, got none on this system")
    with tempfile.TemporaryDirectory(prefix="forewarn-") as folder:
        downloads = Path(folder)
        try:
            _run(("apt-get", "download", "--quiet", *packages), downloads)
        except SourceUnavailable:
            lists = _own_lists(downloads)
            _run(("apt-get", "update", "--quiet", *lists), downloads)
            _run(("apt-get", "download", "--quiet", *lists, *packages), downloads)
        for archive in sorted(downloads.glob("*.deb")):
            directory.mkdir(parents=True, exist_ok=True)
            _run(("dpkg", "-x", str(archive), str(directory)), downloads)
    _look_in_working_directory(directory / _ALERTMANAGER)


def _look_in_working_directory(alertmanager: Path) -> None:
    """Change the folder of the template to the working directory, in as many bytes."""
    if not alertmanager.exists():
        return
    here = (b"./" * len(_FOLDER))[: len(_FOLDER)]
    changed = alertmanager.with_suffix(".changed")
    changed.write_bytes(alertmanager.read_bytes().replace(_FOLDER, here))
    changed.chmod(0o755)
    changed.replace(alertmanager)


def _own_lists(directory: Path) -> tuple[str, ...]:
    """Return options that keep apt's package lists in `directory`, where we may write."""
    (directory / "lists" / "partial").mkdir(parents=True)
    (directory / "archives" / "partial").mkdir(parents=True)
    settings = {"Dir::State::lists": directory / "lists", "Dir::Cache": directory}
    return tuple(word for key, path in settings.items() for word in ("-o", f"{key}={path}"))


def _run(command: Sequence[str], directory: Path) -> None:
    try:
        done = subprocess.run(  # noqa: S603  the words are this module's own
            command, cwd=directory, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise SourceUnavailable(f"{command[0]} must finish, got: {failed}") from failed
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        raise SourceUnavailable(
            f"`{command[0]} {command[1]}` must succeed, got: {words[0] if words else 'an error'}"
        )


if __name__ == "__main__":
    try:
        fetch_programs(programs_directory(), (*PACKAGES, *RSYSLOG_PACKAGES))
    except SourceUnavailable as failed:
        sys.exit(f"the servers could not be fetched: {failed}")
