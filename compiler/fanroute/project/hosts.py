"""Says which names of hosts a resolver takes."""


def is_host_name(name: str) -> bool:
    """Returns True for an IP address, and for a name whose labels have 1 to 63 bytes (RFC 1035, 2.3.4).

    Python's resolver raises UnicodeError for any other name.
    """
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False
