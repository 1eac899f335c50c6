"""Settings of this room."""

from pathlib import Path

from services.runtime.settings import Settings


class IndicatorsSettings(Settings):
    """`ladder_file` is another ladder than the one that comes with Askelma."""

    ladder_file: Path | None = None
