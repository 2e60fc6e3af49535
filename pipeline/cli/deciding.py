"""Commands that leave a decision for the next run: review, unlink, ignore. They work while a run goes on."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.terms import Json, configuration, example, say, say_json


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    review = typer.Typer(
        help="Decide possible matches; a decision is remembered.", no_args_is_help=True, rich_markup_mode=None
    )
    review.command("list", help=example("customer-sync review list", "The possible matches that wait for a decision."))(
        list_
    )
    review.command("merge", help=example("customer-sync review merge 7f3a", "They are the same customer."))(merge)
    review.command("apart", help=example("customer-sync review apart 7f3a", "They are different customers."))(apart)
    app.add_typer(review, name="review")
    app.command(help=example("customer-sync unlink berlin:1204", "Take one record out of its customer for good."))(
        unlink
    )
    app.command(
        help=example("customer-sync ignore ana@example.com", "Leave one customer alone in all systems from now on.")
    )(ignore)


ReviewId = Annotated[str, typer.Argument(help="The review's id, or its beginning.", metavar="ID")]


def list_(context: typer.Context, json: Json = False) -> None:
    from pipeline import review

    found = review.open_reviews(configuration(context))
    if json:
        say_json(found)
    else:
        say(review.reviews_text(found))


def merge(context: typer.Context, review_id: ReviewId) -> None:
    _decide(context, review_id, "merge")


def apart(context: typer.Context, review_id: ReviewId) -> None:
    _decide(context, review_id, "apart")


def _decide(context: typer.Context, review_id: str, kind: str) -> None:
    from pipeline import review

    say(review.decide_review(configuration(context), review_id, kind))


def unlink(
    context: typer.Context,
    record: Annotated[str, typer.Argument(help="The record, as `system:record_id`.", metavar="SYSTEM:RECORD")],
) -> None:
    from pipeline import review

    say(review.unlink(configuration(context), record))


def ignore(
    context: typer.Context,
    key: Annotated[
        str, typer.Argument(help="A customer_id, e-mail, phone, VAT number or `system:record_id`.", metavar="KEY")
    ],
) -> None:
    from pipeline import review

    say(review.ignore(configuration(context), key))
