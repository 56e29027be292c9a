"""Which channels a route's clients choose, exactly.

What each reference of a channel's template can be is an automaton (`values`); whether two different requests get one
channel is asked of these in a row (`ambiguity`).
"""
