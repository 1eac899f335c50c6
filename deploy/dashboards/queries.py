"""Every question that a panel asks: PromQL on the metrics, SQL on the published tables.

Published rows hold `*` for a total over a dimension and NULL for a figure that is hidden, so a panel picks a total
and never adds rows up: a sum would leave the hidden ones out without a word.
"""

from collections.abc import Mapping

from deploy.dashboards.names import Names


def newest_clients(names: Names, step: str) -> str:
    """Return the clients on `step` in the newest publication."""
    return _newest(names, "askelma_clients", "step", step)


def newest_cost(names: Names, scheme: str) -> str:
    """Return the cost of the newest published month under `scheme`, in euros."""
    return _newest(names, "askelma_cost_euros", "scheme", scheme)


def newest_alerts(names: Names, rule: str) -> str:
    """Return the clients with an open alert of `rule` in the newest publication."""
    return _newest(names, "askelma_open_alerts", "rule", rule)


def _newest(names: Names, metric: str, label: str, value: str) -> str:
    # A hidden figure has no series; not-a-number keeps its place and its name on the panel.
    chosen = f'{names.selector}, authority="$authority", municipality="*", {label}="{value}"'
    return f"max({metric}{{{chosen}}}) or vector(NaN)"


def facts_per_second(names: Names) -> str:
    """Return how many facts a second ingest takes in."""
    return f"sum(rate(askelma_facts_accepted_total{{{names.selector}}}[5m]))"


def consumer_lag(names: Names) -> str:
    """Return how many records each service has yet to read, by topic."""
    return f"sum by (service, topic) (askelma_consumer_lag_records{{{names.selector}}})"


def dead_letters(names: Names) -> str:
    """Return how many records each service parked in the last hour."""
    return f"sum by (service) (increase(askelma_dead_letters_total{{{names.selector}}}[1h]))"


AUTHORITIES = "SELECT DISTINCT authority FROM indicators.published_stock ORDER BY authority"

AS_OF = """\
SELECT to_char(max(month) + interval '1 month - 1 day', 'DD.MM.YYYY') AS as_of
FROM indicators.published_stock
WHERE authority = ${authority:sqlstring}"""


def _by_month(table: str, key: str, figure: str, columns: Mapping[str, str]) -> str:
    picks = ",\n".join(
        f"  max({figure}) FILTER (WHERE {key} = {_literal(code)}) AS {_identifier(title)}"
        for code, title in columns.items()
    )
    return f"""\
SELECT month AS time,
{picks}
FROM {table}
WHERE authority = ${{authority:sqlstring}} AND municipality = '*' AND $__timeFilter(month)
GROUP BY month
ORDER BY month"""  # noqa: S608 - every part is a constant of this package, quoted below


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def clients_by_month(steps: Mapping[str, str]) -> str:
    """Return one row a month, one column a step; `steps` gives the column titles."""
    return _by_month("indicators.published_stock", "step", "clients", steps)


def cost_by_month(schemes: Mapping[str, str]) -> str:
    """Return one row a month, one column a scheme, in euros; `schemes` gives the column titles."""
    return _by_month("incentives.published_costs", "cost_class = '*' AND scheme", "cents / 100.0", schemes)


def alerts_by_month(rules: Mapping[str, str]) -> str:
    """Return one row a month, one column a rule; `rules` gives the column titles."""
    return _by_month("notifier.published_alerts", "rule", "open", rules)
