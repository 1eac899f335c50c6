"""What the door decides, without a clock, a database or a framework."""
