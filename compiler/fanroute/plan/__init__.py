"""The compiled Plan as the compiler sees it: backends, a description in words, requests tried on it. `lowering` makes it."""
