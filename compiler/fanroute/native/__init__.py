"""Writes a core module of WebAssembly that verifies ES256 and checks a Grip-Sig. The build links it in (docs/es256.md)."""
