"""Dead letters about clients, put into a service's table by hand."""

from sqlalchemy import text

from services.runtime.database import Database


async def park(database: Database, service: str, *clients: str) -> None:
    """Put a dead letter about each of `clients` into the table of `service`."""
    async with database.transaction() as session:
        await session.execute(text(_PARK.format(service=service)), [{"client": client} for client in clients])


async def parked_clients(database: Database, service: str) -> set[str]:
    """Return whom the dead letters of `service` are about."""
    async with database.transaction() as session:
        found = await session.execute(text(_CLIENTS.format(service=service)))
        return {row.client for row in found}


_PARK = """
    INSERT INTO {service}.dead_letter (topic, partition, position, headers, reason, client, parked_at)
    VALUES ('topic', 0, 0, '{{}}', 'unreadable', :client, now())
"""
_CLIENTS = "SELECT client FROM {service}.dead_letter"
