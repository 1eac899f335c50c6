"""Tables of this room and its queries. Nothing here commits: the caller's transaction does."""
