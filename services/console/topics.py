"""`askelma topics`: the topics of a real cluster."""

import asyncio
from typing import Annotated, Final

import typer

from deploy.topics.access import acl_text
from deploy.topics.creation import TopicChange, TopicsError, plan
from deploy.topics.creation import apply as applied
from services.console.failures import Failure

app = typer.Typer(help="Kafka topics and who may use them.", no_args_is_help=True)

Bootstrap = Annotated[
    str,
    typer.Option("--kafka", metavar="HOST:PORT,…", envvar="ASKELMA_KAFKA", help="The cluster.", show_default=False),
]
Senders = Annotated[
    list[str] | None,
    typer.Option("--sender", metavar="NAME", help="A registered sender that writes to Kafka; may be repeated."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]

_DONE: Final = {"create": "created", "update": "corrected", "unchanged": "unchanged", "differs": "differs"}


@app.command("apply")
def apply_topics(kafka: Bootstrap, sender: Senders = None, *, dry_run: DryRun = False) -> None:
    """Create the topics that are missing and correct the settings of the others; safe to run again."""
    work = plan if dry_run else applied
    try:
        changes = asyncio.run(work(kafka, sender or []))
    except TopicsError as error:
        raise Failure(str(error)) from None
    for change in changes:
        _show(change, dry_run=dry_run)


def _show(change: TopicChange, *, dry_run: bool) -> None:
    typer.echo(f"{change.action if dry_run else _DONE[change.action]:10} {change.name}")
    for line in change.differences:
        typer.echo(f"{'':10}   {line}")


@app.command()
def access(sender: Senders = None) -> None:
    """Print who may do what on a cluster with access control, one line for each call of kafka-acls.sh --add."""
    typer.echo(acl_text(sender or []), nl=False)
