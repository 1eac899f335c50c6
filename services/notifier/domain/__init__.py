"""The stall rules and the life of an alert: pure functions of snapshots, settings and dates."""
