"""A query to Grafana's PostgreSQL data source, which the foundation SDK has no type for."""

from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery


@dataclass
class SqlQuery(Dataquery):
    """What the PostgreSQL plugin stores: the SQL and how its rows are read. Mutable, as the SDK's own queries are.

    As a time series, the column `time` is the axis and every other column a series of its own.
    """

    raw_sql: str
    datasource: object
    read_as: Literal["table", "time_series"]
    ref_id: str = "A"
    hide: bool | None = None

    def to_json(self) -> dict[str, object]:
        """Return the query as the plugin writes it."""
        return {
            "refId": self.ref_id,
            "datasource": self.datasource,
            "editorMode": "code",
            "format": self.read_as,
            "rawQuery": True,
            "rawSql": self.raw_sql,
        }


class Sql(Builder[Dataquery]):
    """Builder of a SqlQuery, for `with_target`."""

    def __init__(self, raw_sql: str, datasource: object, read_as: Literal["table", "time_series"]) -> None:
        self._query = SqlQuery(raw_sql, datasource, read_as)

    def build(self) -> SqlQuery:
        """Return the query."""
        return self._query
