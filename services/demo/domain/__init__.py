"""How the demo's people live: pure, seeded, without clock, framework or database."""
