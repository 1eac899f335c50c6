"""One module per stall rule (domain.md section 7): pure functions from snapshots and settings to findings."""
