"""Askelma's Grafana dashboards as functions, and the port through which they are published."""
