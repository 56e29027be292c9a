"""Verifies JSON Web Tokens (RFC 7519) and their signatures. Does not decide what a token allows."""
