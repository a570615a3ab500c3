"""Data sets on the open web.

They are downloaded where their licence lets anyone do so, or put in place by hand, and checked.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from preprocessing.datasets.files import Report, download, md5_of
from preprocessing.errors import DataFetchError


@dataclasses.dataclass(frozen=True)
class PublishedDataset:
    """A data set of a publisher.

    Attributes:
        name: What it is called on the command line, and its folder below the data directory.
        origin: Who made it, and where it is described.
        licence: What may be done with it, in a sentence.
        first_lines: The files' names, each with a pattern that its whole first line matches.
        url: A zip archive with the files; None where only people with an account can get it.
        md5_url: A file with the archive's MD5, where the publisher has one beside it.
    """

    name: str
    origin: str
    licence: str
    first_lines: Mapping[str, str]
    url: str | None = None
    md5_url: str | None = None

    def fetch(self, folder: Path, report: Report) -> None:
        """Brings the files into `folder`, unless they are there, and checks what they look like.

        An archive that was put into `folder` by hand is used instead of a download.

        Raises:
            DataFetchError: they can't be brought from here (the message says what to do), or aren't
                as published.
            OSError: the disk refused.
        """
        if not all((folder / file).is_file() for file in self.first_lines):
            folder.mkdir(parents=True, exist_ok=True)
            self._bring(folder, report)
        for file, pattern in self.first_lines.items():
            _check_first_line(folder / file, pattern)
        report(f"{self.name} is in {folder}: {', '.join(self.first_lines)}.")

    def _bring(self, folder: Path, report: Report) -> None:
        if self.url is None:
            files = ", ".join(self.first_lines)
            raise DataFetchError(
                f"data set {self.name} can't be downloaded without an account. {self.licence} "
                f"Get it from {self.origin}, put {files} into {folder}, and run this again to "
                f"check them."
            )
        given = folder / self.url.rpartition("/")[2]
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            archive = given
            if not given.is_file():
                archive = Path(scratch) / given.name
                report(f"Downloading {self.url}. {self.licence}")
                download(self.name, self.url, archive)
            if self.md5_url:
                self._check_md5(archive, Path(scratch) / "md5")
            report(f"Unpacking {len(self.first_lines)} files into {folder}.")
            self._unpack(archive, folder, Path(scratch))

    def _check_md5(self, archive: Path, path: Path) -> None:
        """Compares with the publisher's MD5, which may be beside an archive put there by hand."""
        beside = archive.with_name(f"{archive.name}.md5")
        if not beside.is_file():
            download(self.name, str(self.md5_url), path)
        text = (beside if beside.is_file() else path).read_text()
        expected = re.search(r"\b[0-9a-fA-F]{32}\b", text)
        found = md5_of(archive)
        if expected is None or expected.group().lower() != found:
            published = expected.group() if expected else f"no MD5 at all ({text[:60]!r})"
            raise DataFetchError(
                f"data set {self.name}: {archive.name} has MD5 {found}, and {self.md5_url} has "
                f"{published}. Nothing was written."
            )

    def _unpack(self, archive: Path, folder: Path, scratch: Path) -> None:
        try:
            with zipfile.ZipFile(archive) as content:
                members = {name.rpartition("/")[2]: name for name in content.namelist()}
                for file in self.first_lines:
                    with (
                        content.open(members[file]) as source,
                        (scratch / file).open("wb") as target,
                    ):
                        shutil.copyfileobj(source, target)
        except (KeyError, zipfile.BadZipFile) as error:
            message = f"data set {self.name}: {archive.name} is damaged or lacks a file: {error}."
            raise DataFetchError(message) from error
        for file in self.first_lines:
            (scratch / file).replace(folder / file)


def _check_first_line(path: Path, pattern: str) -> None:
    with path.open("rb") as stream:
        line = stream.readline(1 << 16).decode("latin-1").rstrip("\r\n")
    if not re.fullmatch(pattern, line):
        raise DataFetchError(
            f"{path} isn't in the published format: its first line is {line[:80]!r}."
        )
