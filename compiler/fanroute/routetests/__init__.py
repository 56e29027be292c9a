"""Route tests: requests and what must come of them, judged by the routes and on a local edge."""
