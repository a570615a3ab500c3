"""Files that appear complete or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from preprocessing.whole_files import whole_file, write_whole


def test_a_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with whole_file(path) as part:
        part.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("old")
    link = tmp_path / "link"
    link.symlink_to("log.csv")
    write_whole(link, "new")
    assert link.is_symlink() and path.read_text() == "new"


def test_what_is_no_file_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="it is there and is no file"):
        write_whole(pipe, "new")
    assert list(tmp_path.iterdir()) == [pipe] and pipe.is_fifo()


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write_whole(path, "old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_written_as_utf_8(tmp_path: Path) -> None:
    write_whole(tmp_path / "text", "größer\n")
    assert (tmp_path / "text").read_bytes() == "größer\n".encode()
    write_whole(tmp_path / "text", b"\x00")
    assert (tmp_path / "text").read_bytes() == b"\x00"
