"""Cost responsibility as pure functions: schemes, the engine, exposures. Money is whole cents, days are paid days."""
