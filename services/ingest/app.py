"""Wires ingest; the only place that does."""

from functools import partial
from typing import Final

from services.ingest.domain.door import Door
from services.ingest.domain.pseudonyms import Keyring, keyring
from services.ingest.domain.scopes import Scope
from services.ingest.handlers import intake_reader
from services.ingest.metrics import ingest_metrics
from services.ingest.office import office_routes
from services.ingest.reception import Reception, Tools
from services.ingest.routes import event_routes
from services.ingest.rules import load_rules
from services.ingest.settings import IngestSettings
from services.ingest.store import journal, senders
from services.ingest.upkeep import Checkpoints, Upkeep
from services.runtime.access import digest_of
from services.runtime.relay import Relay
from services.runtime.service import Platform, Service
from services.runtime.settings import SettingsError

NAME: Final = "ingest"

LOCAL: Final = "local"
"""The one sender that has an intake topic in embedded mode."""


def build_app(settings: IngestSettings, platform: Platform) -> Service:
    """Return ingest, wired and not started. Raises SettingsError for secrets or rules that cannot be used."""
    metrics = ingest_metrics(platform.meter(NAME))
    door = Door(load_rules(settings.door_rules_file), temporary=settings.allow_temporary_codes)
    reception = Reception(
        Tools(
            platform.database,
            platform.clock,
            door,
            _keys(settings),
            platform.authorities,
            metrics,
            settings.quarantine_time,
        )
    )
    upkeep = Upkeep(platform.database, platform.clock, metrics)
    checkpoints = Checkpoints(platform.database, platform.log_admin, platform.cluster, settings.checkpoint_seconds)
    relay = Relay(platform.database, platform.publisher(NAME), journal.take, journal.CHANNEL, platform.meter(NAME))
    gaps = metrics.intake_gaps.labels().inc if settings.embedded else None
    return Service(
        name=NAME,
        routers=[
            event_routes(reception, platform.database, settings.largest_body),
            office_routes(platform.database, platform.clock),
        ],
        readers=[intake_reader(sender, reception, platform.database, gaps) for sender in _intake(settings)],
        background=[relay.run, checkpoints.run, upkeep.run],
        before=partial(_register_local, settings, platform),
        announce=upkeep.announce,
        idle=upkeep.idle,
    )


def _intake(settings: IngestSettings) -> tuple[str, ...]:
    return (*settings.intake_senders, LOCAL) if settings.embedded else settings.intake_senders


async def _register_local(settings: IngestSettings, platform: Platform) -> None:
    if not settings.embedded:
        return
    now = platform.clock.now()
    async with platform.database.transaction() as session:
        if await senders.scope_of_sender(session, LOCAL) is None:
            await senders.register(session, Scope(LOCAL, min(platform.authorities)), now)
        if settings.local_key is not None:
            await senders.add_key(session, LOCAL, digest_of(settings.local_key.get_secret_value()), now)


def _keys(settings: IngestSettings) -> Keyring:
    try:
        return keyring(settings.secrets_by_version())
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(f"ASKELMA_VAULT_SECRETS: {error}") from None
