"""Defines the contents of AlgorithmIdentifier by which a public key in DER names its kind, for kinds that few components know."""

# id-ecPublicKey and secp384r1 (RFC 5480, 2.1.1).
P384 = bytes.fromhex("06072a8648ce3d0201 06052b81040022")
# id-Ed25519 (RFC 8410, 3).
ED25519 = bytes.fromhex("06032b6570")
