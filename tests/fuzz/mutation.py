"""Mutates examples of a format into bytes that are nearly well-formed."""

import re
from collections.abc import Sequence
from random import Random

TOKENS = re.compile(rb"\s+|\w+|[^\w\s]")


def mutated(random: Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Returns a seed with some tokens deleted, doubled, exchanged or replaced by words, or with lines indented differently."""
    tokens = TOKENS.findall(random.choice(seeds)) or [b"a"]
    for _ in range(random.randint(1, 4)):
        place, other = random.randrange(len(tokens)), random.randrange(len(tokens))
        match random.choice(["delete", "double", "exchange", "insert", "replace", "bytes", "cut", "indent"]):
            case "delete":
                del tokens[place : place + random.randint(1, 3)]
            case "double":
                tokens[place:place] = tokens[place : place + random.randint(1, 40)]
            case "exchange":
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case "insert":
                tokens.insert(place, random.choice(words))
            case "replace":
                tokens[place] = random.choice(words)
            case "bytes":
                tokens[place] = random.randbytes(random.randint(0, 3))
            case "cut":
                del tokens[place:]
            case "indent":
                tokens[place] = re.sub(rb"\n *", b"\n" + b" " * random.randint(0, 9), tokens[place])
        tokens = tokens or [b"a"]
    return b"".join(tokens)
