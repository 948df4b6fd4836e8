import os
import subprocess
import sys
from pathlib import Path

import pytest

from forewarn_adapters import debian_programs
from forewarn_adapters.debian_programs import fetch_programs, programs_directory
from forewarn_models.errors import SourceUnavailable


def apt_that(words: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program named apt-get, which does what `words` say, before the real one."""
    folder.mkdir()
    program = folder / "apt-get"
    program.write_text(f"#!/bin/sh\n{words}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def package(folder: Path, *, name: str = "tiny", content: bytes = b"#!/bin/sh\n") -> Path:
    """A Debian package that holds one program, built with Debian's own tool."""
    root = folder / "root"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "usr" / "bin" / name).write_bytes(content)
    control = (
        "Package: tiny\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: t\n"
    )
    (root / "DEBIAN" / "control").write_text(control)
    subprocess.run(["dpkg-deb", "--build", root, folder / "tiny.deb"], check=True)
    return folder / "tiny.deb"


def test_packages_are_unpacked_and_nothing_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = package(tmp_path)
    apt_that(f"cp {archive} .", tmp_path / "bin", monkeypatch)
    fetch_programs(tmp_path / "out", ["tiny"])
    assert (tmp_path / "out" / "usr" / "bin" / "tiny").exists()


def test_alertmanager_is_told_to_find_its_template_where_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = b"/usr/share/prometheus/alertmanager"
    archive = package(tmp_path, name="prometheus-alertmanager", content=b"a" + path + b"z")
    apt_that(f"cp {archive} .", tmp_path / "bin", monkeypatch)
    fetch_programs(tmp_path / "out", ["prometheus-alertmanager"])
    program = tmp_path / "out" / "usr" / "bin" / "prometheus-alertmanager"
    content = program.read_bytes()
    assert len(content) == len(path) + 2
    assert Path(content[1:-1].decode()) == Path()
    assert os.access(program, os.X_OK)


def test_own_lists_are_used_where_the_system_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = package(tmp_path)
    words = (
        'case "$*" in *Dir::State::lists*) [ "$1" = update ] || '
        f"cp {archive} .;; *) echo 'E: Unable to locate package tiny' >&2; exit 100;; esac"
    )
    apt_that(words, tmp_path / "bin", monkeypatch)
    fetch_programs(tmp_path / "out", ["tiny"])
    assert (tmp_path / "out" / "usr" / "bin" / "tiny").exists()


def test_a_mirror_out_of_reach_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_that("echo 'E: no route to the mirror' >&2; exit 100", tmp_path / "bin", monkeypatch)
    with pytest.raises(SourceUnavailable) as failure:
        fetch_programs(tmp_path / "out", ["tiny"])
    expected = "`apt-get update` must succeed, got: E: no route to the mirror"
    assert str(failure.value) == expected


def test_an_apt_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_programs, "_SECONDS", 0.2)
    apt_that("sleep 3", tmp_path / "bin", monkeypatch)
    with pytest.raises(SourceUnavailable, match="apt-get must finish"):
        fetch_programs(tmp_path / "out", ["tiny"])


def test_a_system_without_apt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailable, match="apt-get and dpkg must be there"):
        fetch_programs(tmp_path / "out")


def test_programs_are_kept_in_the_cache_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert programs_directory() == tmp_path / "forewarn" / "programs"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert programs_directory() == tmp_path / ".cache" / "forewarn" / "programs"


def test_run_as_a_program_it_ends_with_the_reason(tmp_path: Path) -> None:
    environment = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "forewarn_adapters.debian_programs"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("the servers could not be fetched: Debian's apt-get")
