"""Reads public keys in PEM strictly: a SubjectPublicKeyInfo (RFC 5280, 4.1.2.7; RFC 7468, 13)."""

from binascii import Error, a2b_base64

LABEL = b"PUBLIC KEY"

# DER's tags (X.690).
INTEGER = 0x02
BIT_STRING = 0x03
SEQUENCE = 0x30


def read_public_key(material: bytes) -> tuple[bytes, bytes]:
    """Returns the content of a key's AlgorithmIdentifier, and the key itself, both in DER. Raises ValueError, with the reason."""
    info, rest = take_element(_decode_pem(material), SEQUENCE)
    algorithm, key = take_element(info, SEQUENCE)
    bits, behind = take_element(key, BIT_STRING)
    if rest or behind or bits[:1] != b"\0":
        raise ValueError("the public key is not DER")
    return algorithm, bits[1:]


def _decode_pem(material: bytes) -> bytes:
    begin, end = b"-----BEGIN %s-----" % LABEL, b"-----END %s-----" % LABEL
    text = material.strip()
    if not text.startswith(begin):
        raise ValueError(_pem_error(text))
    content, found, rest = text.removeprefix(begin).partition(end)
    if not found or rest:
        raise ValueError(f"a public key must end with {end.decode()}, with nothing after it")
    try:
        return a2b_base64(b"".join(content.split()), strict_mode=True)
    except Error:
        raise ValueError("the public key is not base64") from None


def _pem_error(text: bytes) -> str:
    expected = f"a public key begins with -----BEGIN {LABEL.decode()}-----"
    if b"PRIVATE KEY-----" in text:
        return f"this is a private key, but {expected}: 'openssl pkey -pubout' makes one from it"
    if text.startswith(b"-----BEGIN CERTIFICATE-----"):
        return f"this is a certificate, but {expected}: 'openssl x509 -pubkey -noout' extracts it"
    if text.startswith(b"-----BEGIN RSA PUBLIC KEY-----"):
        return f"this is a PKCS #1 key, but {expected}: 'openssl rsa -RSAPublicKey_in -pubout' converts it"
    return expected


def take_element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Returns the content of the first element of DER, and the rest behind it. Raises ValueError if it has another tag."""
    size, start = der[1] if len(der) > 1 else 0, 2
    if size > 0x80:
        start += size - 0x80
        size = int.from_bytes(der[2:start])
    end = start + size
    if der[:start] != encode_header(tag, size) or len(der) < end:
        raise ValueError("the public key is not DER")
    return der[start:end], der[end:]


def encode_header(tag: int, size: int) -> bytes:
    """Returns a tag and a length in the only form that DER allows (X.690, 10.1)."""
    if size < 0x80:
        return bytes((tag, size))
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 + len(length))) + length


def take_natural(der: bytes) -> tuple[int, bytes]:
    """Returns the INTEGER at the beginning of DER, and the rest behind it. Raises ValueError if it is negative."""
    content, rest = take_element(der, INTEGER)
    number = int.from_bytes(content)
    if content != number.to_bytes(number.bit_length() // 8 + 1):
        raise ValueError("the public key is not DER")
    return number, rest
