"""Names the filters of subscriptions that other rooms have to know apart."""

# The filters that change the content of a message: they replace what begins with a `%`. The others decide who gets it.
CONTENT_FILTERS = ("build-id", "var-subst")
