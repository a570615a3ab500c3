"""Adds to the documentation's site what is written elsewhere: mkdocs calls this when it builds.

README, CONTRIBUTING and CHANGELOG are pages, too. The keys of YAML files, the commands and the list
of modules come from the code.
"""

from __future__ import annotations

from pathlib import Path

import typer
import typer.cli
import typer.main
from config_keys import keys_page
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from modules import modules_page

from pipelines.app import app
from pipelines.config import RunConfig
from pipelines.experiment.config import ExperimentConfig

ROOT = Path(__file__).resolve().parent.parent.parent
# What lies beside docs/, and where a link to it leads on the site.
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    pages = {page: _beside_docs(name) for name, page in BESIDE.items()}
    pages["reference/run_keys.md"] = keys_page("Keys of a run's file", RunConfig)
    pages["reference/experiment_keys.md"] = keys_page(
        "Keys of an experiment's file", ExperimentConfig
    )
    pages["reference/commands.md"] = _commands_page()
    pages["modules.md"] = modules_page()
    for page, content in pages.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Links from docs/ to what lies beside it."""
    for name, page in BESIDE.items():
        markdown = markdown.replace(f"](../{name}", f"]({page}")
    return markdown


def _beside_docs(name: str) -> str:
    text = (
        (ROOT / name)
        .read_text(encoding="utf-8")
        .replace("](docs/", "](")
        .replace('src="docs/', 'src="')
    )
    for other, page in BESIDE.items():
        text = text.replace(f"]({other}", f"]({page}")
    return text


def _commands_page() -> str:
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="srp4ctr")
    return str(typer.cli.get_docs_for_click(obj=command, ctx=context, name="srp4ctr"))
