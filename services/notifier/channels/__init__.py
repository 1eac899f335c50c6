"""Ways out of Askelma for alerts: what is sent holds no personal data, only what, how many, and a link."""
