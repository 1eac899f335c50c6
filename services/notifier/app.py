"""Wires the notifier."""

from functools import partial
from typing import TypeVar, cast

from contracts.topics import EXPOSURES, PATHWAYS
from services.notifier import store
from services.notifier.channels.configuration import read_webhooks
from services.notifier.channels.courier import Courier, Patience
from services.notifier.domain.evaluation import Evaluator
from services.notifier.handlers import Handlers, read_exposure, read_pathway
from services.notifier.lookout import Lookout
from services.notifier.metrics import Metrics
from services.notifier.published import AlertFigures
from services.notifier.routes import SEE_PAGE, Lists, api_routes, page_routes
from services.notifier.rulebook_file import SHIPPED, finnish_working_days, read_rulebook
from services.notifier.settings import NotifierSettings
from services.notifier.timers import Timers
from services.runtime.consumer import Reader
from services.runtime.relay import Relay
from services.runtime.service import Figures, Platform, Service
from services.runtime.web.languages import translatable
from services.runtime.web.navigation import NavItem

NAME = "notifier"

T = TypeVar("T")


def build_app(settings: NotifierSettings, platform: Platform) -> Service:
    """Return the notifier, wired to the platform and not started. Raises ValueError for a file that cannot be used."""
    rulebook = read_rulebook(settings.rules_file or SHIPPED)
    webhooks = read_webhooks(settings.webhooks_file)
    database, clock = platform.database, platform.clock
    site = settings.public_url or settings.ingest_url
    meter = platform.meter(NAME)
    metrics = Metrics(meter, [webhook.name for webhook in webhooks], platform.authorities)
    lookout = Lookout(Evaluator(rulebook, finnish_working_days()), clock, webhooks, site, metrics)
    handlers = Handlers(database, lookout, metrics)
    timers = Timers(database, clock, lookout, metrics, settings.timer_batch)
    relay = Relay(database, platform.publisher(NAME), store.take_outbox, store.OUTBOX_CHANNEL, meter)
    courier = Courier(
        database, webhooks, Patience(settings.webhook_timeout_seconds, settings.webhook_retry_seconds), metrics
    )
    figures = AlertFigures(database, platform.authorities, rulebook, metrics)
    lists = Lists(database, clock)
    return Service(
        NAME,
        routers=[api_routes(lists), page_routes(lists, platform.authorities)],
        readers=[
            _of_any(Reader(PATHWAYS.name, read_pathway, handlers.pathways)),
            _of_any(Reader(EXPOSURES.name, read_exposure, handlers.exposures)),
        ],
        background=[timers.run, relay.run, partial(courier.run, private_allowed=settings.embedded)],
        pages=[
            NavItem("/alerts", translatable("Alerts"), SEE_PAGE, translatable("Clients who may need a call, and why."))
        ],
        before=timers.look_again_under_new_rules,
        idle=timers.idle,
        figures=Figures(figures.make, figures.show, after=("indicators", "incentives")),
    )


def _of_any(reader: Reader[T]) -> Reader[object]:
    """Forget the type of a reader's items: whoever runs it hands to `handle` only what its own `decode` gave."""
    return cast("Reader[object]", reader)
