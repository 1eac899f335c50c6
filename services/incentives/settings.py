"""Settings of this room."""

from pathlib import Path

from services.runtime.settings import Settings


class IncentivesSettings(Settings):
    """What law or a proposal fixes stands in rule files; `schemes_folder` holds further schemes of one's own."""

    schemes_folder: Path | None = None
