"""One-off studies. Each is a command that prints its own tables; `make bench` runs none of them, and nothing imports them."""
