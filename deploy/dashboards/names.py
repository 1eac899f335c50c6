"""The one place for what dashboards, rules and data sources call things: uids, selectors, metrics, tables."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Language = Literal["fi", "sv", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Names:
    """Ids that stay the same for ever, so that publishing again finds what it published before.

    `selector` narrows every PromQL expression to Askelma's own scrape job. Grafana refuses a dashboard that is called
    as its folder.
    """

    folder_uid: str = "askelma"
    folder_title: str = "Askelma – seuranta"
    dashboard_uid: str = "askelma"
    prometheus_uid: str = "askelma-prometheus"
    database_uid: str = "askelma-figures"
    tag: str = "askelma"
    mark: str = "askelma-managed"
    selector: str = 'job="askelma"'

    def dashboard(self, language: Language) -> str:
        """Return the uid of the dashboard in `language`."""
        return f"{self.dashboard_uid}-{language}"


NAMES: Final = Names()
