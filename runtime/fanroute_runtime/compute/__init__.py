"""Connects the runtime to Fastly Compute. Only this package and `snapshot.warm` import the bindings of the host."""
