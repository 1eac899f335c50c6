"""A query to Grafana's PostgreSQL data source, which the foundation SDK has no type for."""

from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery


@dataclass
class SqlQuery(Dataquery):
    """What the PostgreSQL plugin stores: `rawSql`, read as one table (`format`). Mutable, as the SDK's own are."""

    raw_sql: str
    datasource: object
    ref_id: str = "A"
    hide: bool | None = None

    def to_json(self) -> dict[str, object]:
        """Return the query as the plugin writes it."""
        return {
            "refId": self.ref_id,
            "datasource": self.datasource,
            "editorMode": "code",
            "format": "table",
            "rawQuery": True,
            "rawSql": self.raw_sql,
        }


class Sql(Builder[Dataquery]):
    """Builder of a SqlQuery, for `with_target`."""

    def __init__(self, raw_sql: str, datasource: object) -> None:
        self._query = SqlQuery(raw_sql, datasource)

    def build(self) -> SqlQuery:
        """Return the query."""
        return self._query
