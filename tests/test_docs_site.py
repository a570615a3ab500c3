"""The documentation's site builds without a warning, and what of it comes from the code is
there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="mkdocs comes with `make setup-dev`")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
PACKAGES = ("preprocessing", "trainer", "serving", "pipelines")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site. A strict build fails at a warning, such as of a broken link."""
    folder = tmp_path_factory.mktemp("site")
    # Not --quiet, with which warnings go uncounted.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "true"},
    )
    assert built.returncode == 0, built.stderr
    return folder


def _text(site: Path, page: str) -> str:
    """A page's words, without tags."""
    html = (site / page).read_text(encoding="utf-8")
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_no_page_needs_a_network(site: Path) -> None:
    loading = re.compile(
        r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//"""
    )
    for page in site.rglob("*.html"):
        assert not loading.search(page.read_text(encoding="utf-8")), page


def test_every_link_between_pages_leads_to_a_place(site: Path) -> None:
    """mkdocs checks the links of Markdown; this checks those of what is generated, too."""
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    pages.pop(site / "404.html")
    places = {
        path: set(re.findall(r"""\bid=["']?([^"'\s>]+)""", text)) for path, text in pages.items()
    }
    broken = []
    for path, text in pages.items():
        for link in re.findall(r"""<a\b[^>]*?\bhref=["']?([^"'\s>]+)""", text):
            name, _, anchor = link.partition("#")
            if re.match(r"\w+:", link) or anchor.startswith("__"):
                continue
            target = (path.parent / name).resolve() if name else path
            target = target / "index.html" if target.is_dir() else target
            is_named = not anchor or anchor in places.get(target, {anchor})
            if not target.exists() or not is_named:
                broken.append(f"{path.relative_to(site)}: {link}")
    assert not broken


def test_keys_have_their_values_and_defaults(site: Path) -> None:
    keys = _text(site, "reference/run_keys.html")
    assert (
        "length integer, at least 1, by default 100 . The most behaviours that a history has."
        in keys
    )
    assert "window duration, such as 6h" in keys
    assert "min_shard_bytes" in keys and "Only with strategy : auto or parameter_server ." in keys
    for name in ("kind: numeric", "format: parquet", "model: srp4ctr", "objective: electra"):
        assert name in keys
    assert "seeds" in _text(site, "reference/experiment_keys.html")


@pytest.mark.parametrize("page", ["run_keys", "experiment_keys"])
def test_every_key_says_what_it_is(site: Path, page: str) -> None:
    html = (site / "reference" / f"{page}.html").read_text(encoding="utf-8")
    keys = re.findall(r"<dt>(.*?)</dt>\s*<dd>\s*(.*?)</dd>", html, re.DOTALL)
    assert len(keys) > 10
    only_values = re.compile(r"<em>(?:(?!</em>).)*</em>\s*", re.DOTALL)
    # The key that chooses among classes is said by their names.
    silent = [key for key, said in keys if only_values.fullmatch(said) and "One of" not in said]
    assert not silent


def test_commands_have_their_options(site: Path) -> None:
    commands = _text(site, "reference/commands.html")
    assert "srp4ctr data inspect" in commands and "--beam-image" in commands


def test_every_module_has_its_line(site: Path) -> None:
    modules = _text(site, "modules.html")
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            assert path.name == "__init__.py" or f"{path.name} : " in modules, path


def test_examples_of_docstrings_are_code(site: Path) -> None:
    api = (site / "api.html").read_text(encoding="utf-8")
    assert re.search(r'<pre>.*<span class="k">with</span> .*RankingClient', api)
