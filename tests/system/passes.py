"""The same facts in two passes, one disturbed and one clean: what is sent, by what clock, and all that must be equal.

Both passes have the same vault and the same batches, because a reference is made of what was first known of a client,
a case number or a code; so references are equal too.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Final

import httpx

from services.console.composition import Keys
from services.console.connection import KEYS_FILE
from services.demo.domain.events import DoorEvent
from services.demo.stream import stream
from services.runtime.migrations import SERVICES
from tests.rigs.store import rows
from tests.rigs.waiting import until
from tests.system.conftest import System
from tests.system.processes import ADMIN, FINANCE, SERVICE, SUPERVISOR, VAULT_SECRETS

SEED: Final = 20
BATCH: Final = 250

SENT_AT: Final = datetime(2025, 7, 1, 9, tzinfo=UTC)
"""The day after the last fact: the clock of both passes stands here while facts come."""
PUBLISHED_AT: Final = datetime(2025, 9, 6, 9, tzinfo=UTC)
"""Then it is set to here: June, July and August are due."""
PUBLICATIONS: Final = 3 * 3
"""Of three rooms, three months each."""


@cache
def batches(clients: int) -> list[Sequence[DoorEvent]]:
    """Return a synthetic authority's year: late, shuffled, doubled and retracted facts among them."""
    sendings = stream(SEED, clients=clients, start=date(2024, 7, 1), end=date(2025, 6, 30))
    events = [event for sending in sendings for event in sending.events]
    return [events[at : at + BATCH] for at in range(0, len(events), BATCH)]


def with_known_keys(folder: Path) -> Path:
    """Make `folder` that of an embedded system with the keys of the deployed one."""
    folder.mkdir(mode=0o711)
    keys = Keys("ingest-key", SUPERVISOR, FINANCE, "coordinator-token", ADMIN, SERVICE, VAULT_SECRETS)
    (folder / KEYS_FILE).write_text(json.dumps(asdict(keys)))
    return folder


async def send_all(system: System, parts: Sequence[Sequence[DoorEvent]]) -> None:
    """Send batch after batch to an embedded system, each once."""
    for part in parts:
        await system.send(part, BATCH)


async def settled_outcome(system: System) -> "Outcome":
    """Let everything settle in an embedded system and return what there is."""
    await system.settled()
    url = system.running.host.platform.settings.database_url
    return await outcome(url, system.http, dict.fromkeys(SERVICES, system.running.host.url))


async def published_outcome(system: System) -> "Outcome":
    """Let everything settle in an embedded system, let the months be published, and return what there is."""
    await system.settled()
    system.clock.set(PUBLISHED_AT)
    await all_published(system.running.host.platform.settings.database_url)
    return await settled_outcome(system)


async def all_published(database_url: str) -> None:
    """Return once every room has made its publications."""

    async def published() -> bool:
        return len(await rows(database_url, TABLES["publications"])) == PUBLICATIONS

    await until(published, "every room has published", 120)


@dataclass(frozen=True)
class Outcome:
    """All that must not depend on how the facts came: rows by table, answers by question."""

    tables: Mapping[str, Counter[str]]
    answers: Mapping[str, object]


async def outcome(database_url: str, http: httpx.AsyncClient, urls: Mapping[str, str]) -> Outcome:
    """Read what stands in the database, and what each service at `urls` answers over HTTP."""
    tables = {name: Counter(map(repr, await rows(database_url, query))) for name, query in TABLES.items()}
    answers = {
        f"{path} for {token} {query}": await asked(http, urls[service] + path, token, query)
        for service, path, query in QUESTIONS
        for token in ((SUPERVISOR, FINANCE) if path not in OF_CLIENTS else (SUPERVISOR,))
    }
    return Outcome(tables, answers)


async def asked(http: httpx.AsyncClient, url: str, token: str, query: Mapping[str, str]) -> object:
    answer = await http.get(url, params=query, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == httpx.codes.OK, answer.text
    found: dict[str, object] = answer.json()
    for alert in alerts_of(found):
        alert.pop("state")  # which one it is depends on the way that it came
    return found


def alerts_of(found: Mapping[str, object]) -> list[dict[str, object]]:
    alerts = found.get("alerts", [])
    assert isinstance(alerts, list)
    return alerts


def differences(one: Outcome, other: Outcome) -> Mapping[str, object]:
    """Return what only one side has, by table and question; a few rows of each are enough to see what is wrong."""
    pairs = {name: (one.tables[name] - other.tables[name], other.tables[name] - one.tables[name]) for name in TABLES}
    tables = {name: [list(side)[:3] for side in pair] for name, pair in pairs.items() if any(pair)}
    asked = one.answers.keys() | other.answers.keys()
    pairs_of_answers = {name: (one.answers.get(name), other.answers.get(name)) for name in asked}
    return tables | {name: pair for name, pair in pairs_of_answers.items() if pair[0] != pair[1]}


# Left out is only what may differ: revisions, journal numbers, instants of recording, and which state an alert went
# through on its way (it may be raised, withdrawn and raised again while facts are still to come).
TABLES: Final = {
    "journal": "SELECT authority, source, id, type, subject, time FROM ingest.journal",
    "facts": "SELECT source, id, client, type, time, body FROM indicators.fact",
    "retractions": "SELECT source, id, client FROM indicators.retraction",
    "pathways": """SELECT client, rules, convert_from(snapshot, 'UTF8')::jsonb - 'revision' - 'as_of_seq' - 'as_of'
                   FROM indicators.pathway""",
    "payments": """SELECT source, id, client, posted_on, batch, days, paid_cents, basic_part_cents
                   FROM incentives.payment""",
    "counters": "SELECT source, id, client, counter, set_on, days, reason FROM incentives.counter_set",
    "costs": """SELECT client, month, scheme, municipality, cost_class, authority, days, base_cents, cents
                FROM incentives.cost""",
    "exposures": """SELECT client, rules, convert_from(content, 'UTF8')::jsonb - 'revision' - 'pathway_revision'
                    FROM incentives.exposure""",
    "alerts": """SELECT client, rule, key, authority, since, severity, municipality, coordinator, reasons::text
                 FROM notifier.alert WHERE open""",
    "published stock": "SELECT * FROM indicators.published_stock",
    "published flow": "SELECT * FROM indicators.published_flow",
    "published transitions": "SELECT * FROM indicators.published_transitions",
    "published costs": "SELECT * FROM incentives.published_costs",
    "published day months": "SELECT * FROM incentives.published_day_months",
    "published day bins": "SELECT * FROM incentives.published_day_bins",
    "published alerts": "SELECT * FROM notifier.published_alerts",
    "publications": """SELECT 'indicators', authority, month, as_of FROM indicators.publication
                       UNION ALL SELECT 'incentives', authority, month, as_of FROM incentives.publication
                       UNION ALL SELECT 'notifier', authority, month, as_of FROM notifier.publication""",
}

_MONTHS: Final = {"from": "2024-07", "to": "2025-08"}
QUESTIONS: Final[Sequence[tuple[str, str, Mapping[str, str]]]] = (
    ("indicators", "/v1/indicators/stock", {"on": "2025-06-30"}),
    ("indicators", "/v1/indicators/stock", {"on": "2025-02-14"}),
    ("indicators", "/v1/indicators/flow", {"from": "2024-07-01", "to": "2025-08-31"}),
    ("indicators", "/v1/indicators/transitions", {"of": "step", "sampling": "monthly"} | _MONTHS),
    ("indicators", "/v1/indicators/transitions", {"of": "status", "sampling": "monthly"} | _MONTHS),
    ("incentives", "/v1/costs", _MONTHS),
    ("notifier", "/v1/alerts", {"limit": "1000"}),
    ("notifier", "/v1/alerts", {"limit": "1000", "open_on": "2025-06-30"}),
    ("notifier", "/v1/alerts/published", {}),
)
OF_CLIENTS: Final = {"/v1/alerts"}
"""Not for finance."""
