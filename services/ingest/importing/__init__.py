"""Registry exports become events: a mapping file says which column means what; the rest is as if a system had sent."""

from services.ingest.importing.mapping import Mapping, MappingError, load_mapping
from services.ingest.importing.rows import read_rows
from services.ingest.importing.run import ImportReport, import_file

__all__ = ["ImportReport", "Mapping", "MappingError", "import_file", "load_mapping", "read_rows"]
