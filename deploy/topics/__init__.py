"""The topics of `contracts.topics` on a real cluster: creation, and who may do what."""
