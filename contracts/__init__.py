"""The language of the system: facts, their envelope, snapshots, alerts and topics."""
