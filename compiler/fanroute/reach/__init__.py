"""Which requests reach which route, exactly.

A match is a box over the dimensions of a request, each of which has sets that can be met, taken away from each other
and asked for a value (`sets`). A request that a route gets is one in its box and in none of the earlier routes'
(`search`): a request of the region that is left is tried; if an earlier route takes it, that route's box is cut out,
and so on, until a request is found or nothing is left.
"""
