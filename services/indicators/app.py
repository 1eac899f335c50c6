"""Wires this room."""

from typing import Final, cast

from contracts.codes import MUNICIPALITIES
from contracts.topics import FACTS
from services.indicators.figure_book import FigureBook
from services.indicators.handlers import Pathways
from services.indicators.ladder_file import load_ladder
from services.indicators.metrics import IndicatorMetrics
from services.indicators.publishing import PathwayFigures
from services.indicators.routes import SEE_FIGURES, api_routes, page_routes
from services.indicators.settings import IndicatorsSettings
from services.runtime.consumer import Reader
from services.runtime.records import decode_fact
from services.runtime.service import Figures, Platform, Service
from services.runtime.web.languages import translatable
from services.runtime.web.navigation import NavItem

NAME: Final = "indicators"


def build_app(settings: IndicatorsSettings, platform: Platform) -> Service:
    """Return this room, wired to the platform and not started. Raises LadderError for a file that cannot be used."""
    ladder = load_ladder(settings.ladder_file)
    metrics = IndicatorMetrics(platform.meter(NAME), platform.authorities, MUNICIPALITIES, len(ladder.steps))
    pathways = Pathways(platform.database, platform.publisher(NAME), ladder, metrics)
    figures = PathwayFigures(platform.database, platform.authorities, ladder, metrics)
    book = FigureBook(platform.database, platform.clock, ladder, platform.authorities)
    return Service(
        NAME,
        routers=[api_routes(book), page_routes(book)],
        readers=[cast("Reader[object]", Reader(FACTS.name, decode_fact, pathways.take_in))],
        pages=[
            NavItem(
                "/pathways",
                translatable("Pathways"),
                SEE_FIGURES,
                translatable("How many clients stand on each step towards work, and how they move."),
            )
        ],
        before=pathways.refold_all,
        announce=pathways.announce,
        figures=Figures(figures.make, figures.show),
    )
