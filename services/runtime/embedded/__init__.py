"""The parts that a machine without Kafka and PostgreSQL starts inside its own process."""
