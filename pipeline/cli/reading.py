"""Commands that read the published snapshot or the mapping files: status, query, mappings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.terms import Json, configuration, example, remark, say, say_json


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command(help=example("customer-sync status", STATUS))(status)
    app.command(help=example('customer-sync query "SELECT full_name, systems FROM customers LIMIT 5"', QUERY))(query)
    mappings = typer.Typer(
        help="Check mapping files, or see what they make of staged records.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    mappings.command("check", help=example("customer-sync mappings check", MAPPINGS_CHECK))(mappings_check)
    mappings.command("preview", help=example("customer-sync mappings preview berlin", MAPPINGS_PREVIEW))(
        mappings_preview
    )
    app.add_typer(mappings, name="mappings")


STATUS = "Last run, cursors, how old the data is, what waits for a decision, and when the next runs are due."
QUERY = "Ask the staged data with read-only SQL; works while a daemon or a backfill runs."
MAPPINGS_CHECK = (
    "Validate the mapping files, run their examples, and try the mappings on every staged record: nothing is rewritten "
    "needlessly, and what is written is read back."
)
MAPPINGS_PREVIEW = (
    "Show staged records of one system before and after mapping, what is not understood and why, and which records of "
    "which system would be rewritten by the mapping files as they are now."
)


def status(context: typer.Context, json: Json = False) -> None:
    from datetime import UTC, datetime

    from pipeline import status as overview

    found = overview.gather(configuration(context), datetime.now(UTC))
    if json:
        say_json(found)
    else:
        say(overview.text(found))


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT over the public views.", metavar="SQL")],
    format_: Annotated[str | None, typer.Option("--format", help="table, csv, json or parquet.", metavar="F")] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    form = _format(format_, out, json=json)
    config = configuration(context)
    from pipeline.cli.files import refuse_own_files
    from pipeline.output import save_answer, write_answer
    from pipeline.query import ask, open_snapshot

    refuse_own_files(config, out)
    with open_snapshot(config.store_path) as con:
        answer = ask(con, sql)
        if out is not None:
            save_answer(answer, form, out)
        elif note := write_answer(answer, form, sys.stdout):
            remark(note)


def _format(chosen: str | None, out: Path | None, *, json: bool) -> Any:
    formats = ("table", "csv", "json", "parquet")
    if chosen is not None and chosen not in formats:
        raise typer.BadParameter(f"{chosen!r} is not one of {', '.join(formats)}.", param_hint="--format")
    if json and chosen not in (None, "json"):
        raise typer.BadParameter("--json and --format contradict each other.")
    by_name = {".csv": "csv", ".json": "json", ".parquet": "parquet"}
    form = "json" if json else chosen or (by_name.get(out.suffix.lower(), "table") if out else "table")
    if form == "parquet" and out is None:
        raise typer.BadParameter("parquet is not for a terminal: name a file with --out.", param_hint="--format")
    return form


def mappings_check(context: typer.Context, json: Json = False) -> None:
    from mappings import MappingError, check_examples, load_mappings

    config = configuration(context) if context.obj.exists() or context.obj != Path("config.yaml") else None
    problems: list[str] = []
    try:
        mappings = load_mappings(config.mappings_folder if config else None)
        problems += [problem for mapping in mappings.values() for problem in check_examples(mapping)]
    except MappingError as error:
        mappings, problems = {}, list(error.problems)
    staged = {}
    if config and not problems:
        from pipeline.mapping_laws import check_staged

        staged = check_staged(config, mappings)
        problems += [problem for system, found in staged.items() for problem in found.problems(system)]
    records = {system: found.records for system, found in staged.items()}
    if json:
        say_json({"mappings": list(mappings), "problems": problems, "staged": records})
    else:
        for problem in problems:
            remark(problem)
        if not problems:
            say(f"{len(mappings)} mappings are right, and so are their examples: {', '.join(mappings)}.")
            on = ", ".join(f"{count} of {system}" for system, count in records.items())
            say(f"They hold on all staged records: {on}." if on else "Nothing is staged yet, so no record was tried.")
    raise typer.Exit(2 if problems else 0)


def mappings_preview(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="The system's name in the configuration.", metavar="SYSTEM")],
    record: Annotated[list[str] | None, typer.Option(help="Only this record id.", metavar="ID")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many records are shown at most.", metavar="N")] = 5,
    json: Json = False,
) -> None:
    from pipeline import preview

    found = preview.gather(configuration(context), system, tuple(record or ()), limit)
    if json:
        say_json(found)
    else:
        say(preview.text(found))
