"""The dated rule files of this room."""
