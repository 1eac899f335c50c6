"""The kinds of panel that Askelma's dashboards use, each with title, description and unit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.builders import bargauge, stat, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTextDisplayOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery as PromQuery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardSpecialValueMapOptions,
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMappingResult,
)

from deploy.dashboards.names import Names
from deploy.dashboards.sql import Sql

HIDDEN_SIGN: Final = "··"
"""How the pages, too, show a hidden figure."""

# Left to itself Grafana makes letters as large as they fit, another size in every panel.
LINE_OF_TEXT_PX: Final = 28
BAR_TITLE_PX: Final = 13
BAR_VALUE_PX: Final = 18
COUNT_PX: Final = 36


@dataclass(frozen=True, slots=True)
class Frame:
    """What every panel has: its words, its unit and its place (grid units; the grid is 24 wide)."""

    id: int
    title: str
    description: str
    unit: str
    width: int
    height: int
    no_value: str


@dataclass(frozen=True, slots=True)
class Series:
    """One line or bar: the code by which the data know it, its title and its colour."""

    code: str
    title: str
    colour: str


def prometheus(names: Names) -> DataSourceRef:
    """Return the reference to the Prometheus data source."""
    return DataSourceRef("prometheus", names.prometheus_uid)


def figures(names: Names) -> DataSourceRef:
    """Return the reference to the data source on the reporting tables."""
    return DataSourceRef("postgres", names.database_uid)


def latest_bars(
    frame: Frame, names: Names, expression: Callable[[Names, str], str], series: tuple[Series, ...]
) -> bargauge.Panel:
    """Return one horizontal bar for each of `series`, of the newest figures only; `expression` asks for one by code."""
    panel = (
        bargauge.Panel()
        .id(frame.id)
        .title(frame.title)
        .description(frame.description)
        .unit(frame.unit)
        .decimals(0)
        .min(0)
        .no_value(frame.no_value)
        .mappings([_two_dots_for_nothing()])
        .span(frame.width)
        .height(frame.height)
        .datasource(prometheus(names))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .show_unfilled(show_unfilled=False)
        .text(VizTextDisplayOptions().title_size(BAR_TITLE_PX).value_size(BAR_VALUE_PX))
        .reduce_options(ReduceDataOptions().calcs(["last"]))
    )
    for letter, one in zip(ascii_uppercase, series, strict=False):
        panel.with_target(
            PromQuery().expr(expression(names, one.code)).instant().legend_format(one.title).ref_id(letter)
        )
        panel.override_by_name(one.title, [_fixed(one.colour)])
    return panel


def monthly_lines(frame: Frame, names: Names, sql: str, series: tuple[Series, ...]) -> timeseries.Panel:
    """Return a line with a point for each month and a gap for each hidden figure, one for each column of `sql`.

    Never stacked: a hidden part would make the whole fall without a word.
    """
    panel = (
        timeseries.Panel()
        .id(frame.id)
        .title(frame.title)
        .description(frame.description)
        .unit(frame.unit)
        .decimals(0)
        .min(0)
        .no_value(frame.no_value)
        .span(frame.width)
        .height(frame.height)
        .datasource(figures(names))
        .with_target(Sql(sql, figures(names), "time_series"))
        .line_width(2)
        .fill_opacity(0)
        .show_points(VisibilityMode.ALWAYS)
        .point_size(6)
        .span_nulls(span_nulls=False)
        .legend(_legend())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    for one in series:
        panel.override_by_name(one.title, [_fixed(one.colour)])
    return panel


def rate_lines(frame: Frame, names: Names, expression: str, legend: str) -> timeseries.Panel:
    """Return lines over the last hours, whatever months the dashboard shows."""
    return (
        timeseries.Panel()
        .id(frame.id)
        .title(frame.title)
        .description(frame.description)
        .unit(frame.unit)
        .min(0)
        .no_value(frame.no_value)
        .span(frame.width)
        .height(frame.height)
        .time_from("6h")
        .datasource(prometheus(names))
        .with_target(PromQuery().expr(expression).range().legend_format(legend).ref_id("A"))
        .line_width(2)
        .fill_opacity(10)
        .show_points(VisibilityMode.NEVER)
        .stacking(StackingConfig().mode(StackingMode.NONE))
        .legend(_legend())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )


def stated_text(frame: Frame, names: Names, sql: str) -> stat.Panel:
    """Return one text or number out of the reporting tables, in plain ink."""
    return (
        stat.Panel()
        .id(frame.id)
        .title(frame.title)
        .description(frame.description)
        .unit(frame.unit)
        .no_value(frame.no_value)
        .span(frame.width)
        .height(frame.height)
        .datasource(figures(names))
        .with_target(Sql(sql, figures(names), "table"))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(values=False).fields("/.*/"))
        .text(VizTextDisplayOptions().value_size(LINE_OF_TEXT_PX))
        .text_mode(BigValueTextMode.VALUE)
        .color_mode(BigValueColorMode.NONE)
        .graph_mode(BigValueGraphMode.NONE)
    )


def warning_count(frame: Frame, names: Names, expression: str, legend: str) -> stat.Panel:
    """Return a number by series that turns orange above zero."""
    return (
        stat.Panel()
        .id(frame.id)
        .title(frame.title)
        .description(frame.description)
        .unit(frame.unit)
        .decimals(0)
        .no_value(frame.no_value)
        .span(frame.width)
        .height(frame.height)
        .datasource(prometheus(names))
        .with_target(PromQuery().expr(expression).instant().legend_format(legend).ref_id("A"))
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(
            ThresholdsConfig()
            .mode(ThresholdsMode.ABSOLUTE)
            .steps([Threshold(value=None, color="green"), Threshold(value=1, color="orange")])
        )
        .text(VizTextDisplayOptions().title_size(BAR_TITLE_PX).value_size(COUNT_PX))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
    )


def titles(series: tuple[Series, ...]) -> Mapping[str, str]:
    """Return the title of each series by its code."""
    return {one.code: one.title for one in series}


def _two_dots_for_nothing() -> SpecialValueMap:
    options = DashboardSpecialValueMapOptions(SpecialValueMatch.NULL_AND_NAN, ValueMappingResult(text=HIDDEN_SIGN))
    return SpecialValueMap(options)


def _fixed(colour: str) -> DynamicConfigValue:
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})


def _legend() -> VizLegendOptions:
    return (
        VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .calcs([])
    )
