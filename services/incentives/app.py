"""Wires this room."""

from typing import Final, TypeVar, cast

from contracts.codes import MUNICIPALITIES
from contracts.topics import FACTS, PATHWAYS
from services.incentives import explain_routes
from services.incentives.explaining import Explanations
from services.incentives.handlers import Costs, decode_benefit_fact, decode_pathway_part
from services.incentives.metrics import IncentiveMetrics
from services.incentives.publishing import CostFigures
from services.incentives.reconciliation_routes import InvoiceDesk, reconciliation_routes
from services.incentives.routes import SEE_COSTS, CostBook, api_routes, page_routes
from services.incentives.rule_files import own_scheme_files, rule_book
from services.incentives.settings import IncentivesSettings
from services.incentives.worth_routes import WorthBook, worth_routes
from services.runtime.access import Role
from services.runtime.consumer import Reader
from services.runtime.service import Figures, Platform, Service
from services.runtime.web.languages import translatable
from services.runtime.web.navigation import NavItem

NAME: Final = "incentives"

T = TypeVar("T")


def build_app(settings: IncentivesSettings, platform: Platform) -> Service:
    """Return this room, wired to the platform and not started. Raises RuleFileError for a file that cannot be used."""
    rules = rule_book(own=own_scheme_files(settings.schemes_folder) if settings.schemes_folder else ())
    metrics = IncentiveMetrics(platform.meter(NAME), platform.authorities, MUNICIPALITIES, rules.schemes)
    costs = Costs(platform.database, platform.publisher(NAME), rules, metrics)
    figures = CostFigures(platform.database, platform.authorities, rules.schemes, metrics)
    book = CostBook(platform.database, platform.clock, rules.schemes, platform.authorities)
    desk = InvoiceDesk(platform.database, platform.clock, rules.schemes["law"], platform.authorities)
    explanations = Explanations(book)
    worth = WorthBook(platform.database, platform.clock, rules)
    return Service(
        NAME,
        routers=[
            api_routes(book),
            page_routes(book),
            reconciliation_routes(desk),
            explain_routes.api_routes(explanations),
            explain_routes.page_routes(explanations),
            worth_routes(worth),
        ],
        readers=[
            _of_any(Reader(FACTS.name, decode_benefit_fact, costs.take_in_facts)),
            _of_any(Reader(PATHWAYS.name, decode_pathway_part, costs.take_in_pathways)),
        ],
        background=[costs.tell_untold],
        pages=[
            NavItem(
                "/costs", translatable("Costs"), SEE_COSTS,
                translatable("What the municipality's share of benefits costs, under the law and under other rules."),
            ),
            NavItem(
                "/costs/explain", translatable("Costs of a client"), (Role.COORDINATOR,),
                translatable("What a client's benefits cost the municipality, payment by payment, and why."),
            ),
        ],
        before=costs.reckon_all,
        announce=costs.announce,
        figures=Figures(figures.make, figures.show, after=("indicators",)),
    )  # fmt: skip


def _of_any(reader: Reader[T]) -> Reader[object]:
    """Forget the type of a reader's items: whoever runs it hands to `handle` only what its own `decode` gave."""
    return cast("Reader[object]", reader)
