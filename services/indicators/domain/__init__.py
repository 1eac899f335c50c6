"""How a client's facts become a pathway, and pathways become figures. Pure: no clock, database or framework."""
