"""Writes the command that gives a backend on Fastly the options for which fastly.toml has no place. Pure."""

from fanroute.diagnostics.shell import shell_word
from fanroute.plan.backend import Backend

# The option of `fastly service backend update` for each field of BackendOptions. Source: its help.
_FLAGS = {
    "connect_timeout": "--connect-timeout",
    "first_byte_timeout": "--first-byte-timeout",
    "between_bytes_timeout": "--between-bytes-timeout",
    "override_host": "--override-host",
    "certificate_host": "--ssl-cert-hostname",
    "sni_host": "--ssl-sni-hostname",
}
# The name of each field in Fastly's API.
API_FIELDS = {name: name for name in _FLAGS} | {"certificate_host": "ssl_cert_hostname", "sni_host": "ssl_sni_hostname"}


def values_on_fastly(backend: Backend) -> dict[str, str]:
    """Returns the options that a backend has, as Fastly writes them: times in milliseconds."""
    given = {name: getattr(backend.options, name) for name in _FLAGS}
    return {name: f"{value}000" if isinstance(value, int) else value for name, value in given.items() if value}


def update_command(backend: Backend, fastly: str = "fastly", service_id: str = "") -> str:
    """Returns the command that sets a backend's options on the service, or "" if it has none.

    `fastly` is how a shell calls the Fastly CLI. Without `service_id`, that takes the service of fastly.toml.
    """
    words = [word for name, value in values_on_fastly(backend).items() for word in (_FLAGS[name], shell_word(value))]
    if not words:
        return ""
    service = f" --service-id {shell_word(service_id)}" if service_id else ""
    update = f"{fastly} service backend update{service} --version latest --autoclone --name {shell_word(backend.name)}"
    return f"{update} {' '.join(words)} && fastly service version activate{service} --version latest"
