"""Files that hold a secret."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.identity import KeyPair
from webrtc_direct.runtime.files import create_file, read_file, replace_file


@pytest.mark.parametrize("write", [create_file, replace_file])
@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_file_is_the_owners_alone_whatever_the_umask(
    tmp_path: Path, write: Callable[[Path, bytes], None], umask: int
) -> None:
    path = tmp_path / "secret"
    before = os.umask(umask)
    try:
        write(path, b"content")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


def test_new_file_never_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        create_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError(errno.EPERM, "no hard links"), NotImplementedError()])
def test_new_file_where_the_file_system_has_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "secret"
    create_file(path, b"content")
    assert path.read_bytes() == b"content"
    with pytest.raises(FileExistsError):
        create_file(path, b"new")
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [create_file, replace_file])
def test_failure_leaves_nothing_behind(tmp_path: Path, write: Callable[[Path, bytes], None]) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    (directory / "file").touch()
    with pytest.raises(OSError, match="directory"):
        write(directory, b"content")
    assert list(tmp_path.iterdir()) == [directory]
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing" / "file", b"content")


def test_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="disk full"):
        replace_file(tmp_path / "secret", b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [KeyPair, Certificate])
def test_two_processes_that_start_at_once_end_up_with_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[KeyPair] | type[Certificate]
) -> None:
    path = tmp_path / "secret"
    hardlink_to = Path.hardlink_to

    def overtake(self: Path, target: Path) -> None:
        monkeypatch.undo()
        kind.load_or_create(path)
        hardlink_to(self, target)

    monkeypatch.setattr(Path, "hardlink_to", overtake)
    assert kind.load_or_create(path) == kind.load(path)
    assert list(tmp_path.iterdir()) == [path]


def test_reading_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path, max_bytes=5) == b"12345"
    with pytest.raises(ValueError, match="larger than 4"):
        read_file(path, max_bytes=4)
