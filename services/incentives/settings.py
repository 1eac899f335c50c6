"""Settings of this room."""

from services.runtime.settings import Settings


class IncentivesSettings(Settings):
    """Nothing beside the shared settings: what law or a proposal fixes stands in rule files."""
