"""Route tests: requests and what must come of them, as data; judged by the routes, and on a local edge."""
