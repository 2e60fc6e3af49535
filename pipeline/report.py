"""A plan as one HTML page, to be read and signed off by whoever owns the customers.

Reads: a plan. Writes: one file, readable by its owner only: it shows personal data.
Guarantees: nothing in a customer's data acts in the page (escaped, direction marks written out, no script allowed).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.errors import UserError
from pipeline.explain import OPERATIONS, LeftOut, count_rows, headline, in_words, kinds
from pipeline.model import Change
from pipeline.output import shown

SAMPLES = 50
"""Per kind of change: a page of a million changes would be read by nobody; the plan file has them all."""


def save(
    path: Path,
    workspace: str,
    changes: Sequence[Change],
    left_out: Iterable[LeftOut] = (),
    problems: Iterable[str] = (),
) -> None:
    """Write the report; `problems` say why a limit would stop the plan. Raises UserError where it cannot be written."""
    content = html(workspace, changes, left_out, problems)
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(f"The report cannot be written to {path}: {error.strerror}.") from None


def html(
    workspace: str, changes: Sequence[Change], left_out: Iterable[LeftOut] = (), problems: Iterable[str] = ()
) -> str:
    """The report as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "in_words": in_words, "headline": headline}
    return environment.get_template("plan.html").render(
        workspace=workspace,
        operations=OPERATIONS,
        counts=count_rows(changes),
        kinds=kinds(changes, SAMPLES),
        left_out=list(left_out),
        problems=list(problems),
    )
