"""Writes P-256 as a core module of WebAssembly, which the build links into components that verify ES256 (docs/es256.md)."""
