"""`askelma dashboards`: brings a Grafana to the state that the code describes."""

from typing import Annotated

import typer
from pydantic import SecretStr

from deploy.dashboards.publish import plan_dashboards, publish_dashboards
from deploy.dashboards.publisher import PublishingError, lines_of
from services.console.failures import Failure

app = typer.Typer(help="Grafana dashboards.", no_args_is_help=True)

GrafanaUrl = Annotated[
    str,
    typer.Option(
        "--url",
        metavar="URL",
        envvar="ASKELMA_GRAFANA_URL",
        help="Grafana, such as https://grafana.example",
        show_default=False,
    ),
]
GrafanaToken = Annotated[
    str,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="ASKELMA_GRAFANA_TOKEN",
        help="Of a service account.",
        show_default=False,
        show_envvar=True,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


@app.callback()
def dashboards() -> None:
    """Keep a command group although it has one command."""


@app.command()
def publish(url: GrafanaUrl, token: GrafanaToken, *, dry_run: DryRun = False) -> None:
    """Publish the dashboards, and the data sources that ASKELMA_FIGURES_… settings name.

    Shows the differences; run again, it changes nothing. What is not ours in that Grafana is never overwritten.
    """
    work = plan_dashboards if dry_run else publish_dashboards
    try:
        plan = work(url, SecretStr(token))
    except PublishingError as error:
        raise Failure(str(error)) from None
    for line in lines_of(plan):
        typer.echo(line)
    if plan.is_empty:
        typer.echo("Nothing to change.")
