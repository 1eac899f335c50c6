"""The dashboard *Askelma*: clients by step, monthly cost by scheme, open alerts, facts per second and lag."""

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, QueryVariable, Row
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import (
    Dashboard as DashboardModel,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableRefresh,
)

from deploy.dashboards import panels, queries
from deploy.dashboards.names import NAMES, Language, Names
from deploy.dashboards.panels import Frame, Series
from deploy.dashboards.texts import Words, texts

# From grey to dark green up the ladder, told apart also by people who do not see red and green alike.
STEP_COLOURS: Final = ("#8e8e8e", "#5e4fa2", "#3f7fba", "#54aeac", "#9fd089", "#e3d64b", "#7fb43a", "#2f6b1f")
# Okabe and Ito, "Color Universal Design" (2008); black left out, it does not show on a dark page.
COLOURS: Final = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#8e8e8e", "#6a51a3",
)  # fmt: skip
MONTHS_SHOWN: Final = "now-3y"


def _series(words: Mapping[str, Words], language: Language, colours: tuple[str, ...]) -> tuple[Series, ...]:
    return tuple(
        Series(code, text.in_(language), colour)
        for (code, text), colour in zip(words.items(), colours[: len(words)], strict=True)
    )


def _all_series(language: Language) -> tuple[tuple[Series, ...], tuple[Series, ...], tuple[Series, ...]]:
    words = texts()
    return (
        _series(words.steps, language, STEP_COLOURS),
        _series(words.schemes, language, COLOURS),
        _series(words.rules, language, COLOURS),
    )


class _Pages:
    """Frames of one language; panel ids follow the order of `panels` in the texts and so stay when a panel moves."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._ids = {key: number for number, key in enumerate(texts().panels, start=1)}

    def published(self, key: str, unit: str, width: int, height: int) -> Frame:
        """Return the frame of a panel of figures, which may be hidden or not published yet."""
        return self._frame(key, unit, width, height, texts().nothing_published)

    def measured(self, key: str, unit: str, width: int, height: int) -> Frame:
        """Return the frame of a panel about the system's own work."""
        return self._frame(key, unit, width, height, texts().nothing_measured)

    def _frame(self, key: str, unit: str, width: int, height: int, nothing: Words) -> Frame:
        words = texts().panels[key]
        return Frame(
            self._ids[key],
            words.title.in_(self._language),
            words.description.in_(self._language),
            unit,
            width,
            height,
            nothing.in_(self._language),
        )

    def row(self, key: str) -> Row:
        return Row(texts().rows[key].in_(self._language)).id(100 + list(texts().rows).index(key))


def askelma_dashboard(language: Language, names: Names = NAMES) -> DashboardModel:
    """Return the dashboard in `language`, as Grafana's classic JSON model. The same input gives the same JSON."""
    pages = _Pages(language)
    board = _empty(language, names)
    _newest(board, pages, language, names)
    _by_month(board, pages, language, names)
    _operation(board, pages, names)
    return board.build()


def _empty(language: Language, names: Names) -> Dashboard:
    words = texts()
    return (
        Dashboard(words.dashboard.title.in_(language))
        .uid(names.dashboard(language))
        .description(words.dashboard.description.in_(language))
        .tags([names.tag, names.mark])
        .timezone("Europe/Helsinki")
        .time(MONTHS_SHOWN, "now")
        .refresh("1m")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_other_languages(language, names))
        .with_variable(_authority(language, names))
    )


def _other_languages(language: Language, names: Names) -> DashboardLink:
    title = texts().languages.in_(language)
    return (
        DashboardLink(title)
        .type(DashboardLinkType.DASHBOARDS)
        .tags([names.mark])
        .as_dropdown(as_dropdown=True)
        .include_vars(include_vars=True)
        .keep_time(keep_time=True)
        .tooltip(title)
        .icon("external link")
    )


def _authority(language: Language, names: Names) -> QueryVariable:
    return (
        QueryVariable("authority")
        # Grafana 9 looks a variable up by its id, and the library gives all of them the same one.
        .id("authority")
        .label(texts().authority.in_(language))
        .datasource(panels.figures(names))
        .query(queries.AUTHORITIES)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )


def _newest(board: Dashboard, pages: _Pages, language: Language, names: Names) -> None:
    steps, schemes, rules = _all_series(language)
    board.with_row(pages.row("newest"))
    board.with_panel(panels.stated_text(pages.published("as_of", "string", 24, 3), names, queries.AS_OF))
    for key, unit, expression, series in (
        ("clients", units.Short, queries.newest_clients, steps),
        ("cost", units.Euro, queries.newest_cost, schemes),
        ("alerts", units.Short, queries.newest_alerts, rules),
    ):
        board.with_panel(panels.latest_bars(pages.published(key, unit, 8, 14), names, expression, series))


def _by_month(board: Dashboard, pages: _Pages, language: Language, names: Names) -> None:
    steps, schemes, rules = _all_series(language)
    board.with_row(pages.row("by_month"))
    for key, unit, sql, series in (
        ("clients_by_month", units.Short, queries.clients_by_month(panels.titles(steps)), steps),
        ("cost_by_month", units.Euro, queries.cost_by_month(panels.titles(schemes)), schemes),
        ("alerts_by_month", units.Short, queries.alerts_by_month(panels.titles(rules)), rules),
    ):
        board.with_panel(panels.monthly_lines(pages.published(key, unit, 8, 11), names, sql, series))


def _operation(board: Dashboard, pages: _Pages, names: Names) -> None:
    facts, lag, dead = queries.facts_per_second(names), queries.consumer_lag(names), queries.dead_letters(names)
    board.with_row(pages.row("operation"))
    board.with_panel(panels.rate_lines(pages.measured("facts", "suffix:/s", 9, 8), names, facts, "ingest"))
    board.with_panel(panels.rate_lines(pages.measured("lag", units.Short, 9, 8), names, lag, "{{service}} · {{topic}}"))
    board.with_panel(panels.warning_count(pages.measured("dead", units.Short, 6, 8), names, dead, "{{service}}"))
