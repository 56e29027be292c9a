"""FR25x and FR44x: whom the edge believes."""

from fanroute.rules.rule import START, Rule

_KEYS = START + "fanout:\n  keys:\n    - {issuer: pushpin, algorithm: %s}\nroutes:\n  - handoff: origin\n"

RULES = (
    Rule(
        "FR250",
        "error",
        "a key is in one place",
        "A key is read from a file when building, or from a store by the running service, where it has a name.",
        _KEYS % "ES256, secret_store: keys",
        "Give it a `file`, or a store and its `name` there.",
    ),
    Rule(
        "FR251",
        "error",
        "the secret of HS256 is in a secret store",
        "Who knows that secret can make tokens himself. A file's content becomes part of the component, and "
        "a config store is read by whoever may see the service; a secret store gives it to the running service alone.",
        _KEYS % "HS256, config_store: keys, name: pushpin",
        "Put it in a secret store that is linked to the service; or use ES256, whose public key may be seen.",
    ),
    Rule(
        "FR252",
        "error",
        "the file of a key holds a public key for its algorithm",
        "Of ES256 it is one of the curve P-256, of RS256 one of RSA with 2048 to 4096 bits, in PEM that begins with "
        "`-----BEGIN PUBLIC KEY-----`. A private key has no place at the edge, nor a certificate.",
        None,
        "Write the public key as PEM, as `openssl` does with `-pubout`.",
    ),
    Rule(
        "FR440",
        "warning",
        "who asks as Fanout is verified",
        "What comes from Fanout is trusted: its X-Forwarded-Host decides which route is taken, and the edge answers with its "
        "instructions. Without a signature that is checked, any client can say that it is Fanout. `present` is what starter kits "
        "do, `none` is for a proxy that signs nothing; both are for a service that clients cannot reach but through the proxy.",
        START + "fanout: {grip_sig: present}\nroutes:\n  - match: {path: /live}\n    handoff: origin\n",
        "Leave `grip_sig` out, or give the proxy a key, and name it under `fanout.keys`.",
    ),
)
