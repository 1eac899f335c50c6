"""User documentation, and what writes the generated part of it (`make docs`)."""
