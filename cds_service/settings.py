"""Settings, read from the environment: every `CDS_*` variable is one field."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from cds_service.crd import Authorization
from cds_service.necessity.lifecycle import REVIEW_VALID_MONTHS

__all__ = ["SECRETS_DIR", "Settings"]

SECRETS_DIR = "CDS_SECRETS_DIR"
"""Names a folder with a file for each setting that is not to stand in the environment, such as `cds_database_url`."""


_ORIGIN = r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"


def _base_url(text: str) -> str:
    if not re.fullmatch(rf"{_ORIGIN}(/[^?#\s]*)?", text):
        raise ValueError("must be an absolute http or https URL, without a query")
    return text


def _origin(text: str) -> str:
    if text != "*" and not re.fullmatch(_ORIGIN, text):
        raise ValueError("must be a scheme and a host, perhaps with a port, and nothing behind, as browsers send it")
    return text


def _uri(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", text):
        raise ValueError("must be a URI, such as tel:+1-555-0100")
    return text


class Settings(BaseSettings):
    """What an operator may set. Immutable once read."""

    model_config = SettingsConfigDict(env_prefix="CDS_", frozen=True, use_attribute_docstrings=True)

    mode: Literal["sandbox", "production"] = "sandbox"
    """`production` refuses policies that no clinician approved; `sandbox` evaluates them and says so on the card."""
    policies: Path | None = None
    """The folder or FHIR package (`.tgz`) of policies; by default the ones that come with the service."""
    review_valid_months: int = Field(default=REVIEW_VALID_MONTHS, gt=0)
    """How long the last review of a policy counts; with an older one production does not let it decide."""
    organization: str = Field(default="cds-service", min_length=1)
    """Whose guidance it is: the label of every card's source."""
    public_base_url: Annotated[str, AfterValidator(_base_url)] = "http://127.0.0.1:8000"
    """The address at which clients reach this service; links on cards start with it."""
    allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()
    """Browser origins that may call this service; in a sandbox any may."""
    clients: Path | None = None
    """The TOML file of the clients whose calls are answered; without it, a sandbox answers everybody."""
    authentication: Literal["required", "off"] = "required"
    """`off` answers every call: for a service that something in front of it protects."""
    payer_identifiers: tuple[str, ...] = ()
    """Who pays, as `system|value` of its Organization; with it the service answers as that payer, by Da Vinci CRD."""
    payer_authorization: Authorization = Authorization.NEEDED
    """What becomes of a prior authorization where the criteria are met: `needed`, `not-needed` or `granted`."""
    payer_contact: Annotated[str, AfterValidator(_uri)] | None = None
    """Whom a client may ask about what is not met: a URI such as `tel:+1-555-0100`."""
    payer_strict: bool = False
    """Whether a request without one usable Coverage is refused; else it is answered with cards alone."""
    prefetch_tokens: Literal["simple", "fhirpath"] = "simple"
    """What discovery's prefetch templates are written in: `fhirpath` is for clients of CDS Hooks 3.0."""
    fhir_servers: tuple[str, ...] = ()
    """The EHRs' FHIR servers that may be read, each by its base URL; what a request's prefetch lacks is read there."""
    fhir_networks: tuple[str, ...] = ()
    """Networks that are not public and in which those servers may be, as CIDR: `10.2.0.0/16`."""
    fhir_fetch: bool = True
    """Whether EHRs are read at all; without, every answer is made of what the request brings."""
    fhir_code_filters: bool = False
    """Whether searches name the codes that the policies look for; for servers whose codes can be relied on."""
    deadline_ms: int = Field(default=4000, gt=0)
    """How long a request may take, its reading of the EHR included; what is not read by then is said on the card."""
    database_url: str = "sqlite:///cds-service.db"
    """Where decisions are kept: SQLite, PostgreSQL (`postgresql://…`), or `memory`, which forgets them at the end."""
    store_spill: Path | None = None
    """A folder for decisions while the database is away; without, what cannot be kept is not given (503)."""
    encryption_keys: SecretStr = SecretStr("")
    """The keys that seal what is kept of charts, as `name:base64` and separated by commas; the first one writes."""
    retention_days: int | None = Field(default=None, gt=0)
    """How long what is kept of charts is kept at least; `cds-service decisions purge` removes what is older."""
    reviewers: Literal["off", "open", "token", "proxy"] | None = None
    """How the reviewer's pages tell who asks; by default `off` in production, and in a sandbox `open` on loopback."""
    reviewer_tokens: SecretStr = SecretStr("")
    """Who signs in with which token, as `name:reader|reviewer:token` and separated by commas."""
    reviewer_secret: SecretStr = SecretStr("")
    """What signs cookies and forms of the reviewer's pages, where several replicas answer; else made of the tokens."""
    reviewer_proxies: tuple[str, ...] = ()
    """The proxies, as CIDR, that are believed when they say who asks for the reviewer's pages."""
    reviewer_header: str = "X-Forwarded-User"
    """The header in which they say so; they must remove it from what they are sent."""
    reviewer_names: tuple[str, ...] = ()
    """Who of those whom a proxy names may agree and disagree, `*` for all; the others read."""
    max_body_bytes: int = Field(default=10_000_000, gt=0)
    """The largest request body that is read."""
    body_seconds: float = Field(default=10, gt=0)
    """How long a request body may take to arrive; a slower one is refused (408)."""
    max_concurrency: int = Field(default=512, gt=0)
    """How many requests of hooks and feedback a process answers at a time; one more is told to come again (503)."""
    rate_limit: float = Field(default=0, ge=0)
    """How many requests a second each client may send to a process (else 429), after a burst; 0 for any."""
    rate_burst: int = Field(default=50, gt=0)
    """How many a client that was quiet may send at once, where there is a rate limit."""
    shutdown_seconds: int = Field(default=20, gt=0)
    """How long requests that are being answered may take to end once the service is told to stop (SIGTERM)."""
    policies_poll_seconds: float = Field(default=0, ge=0)
    """How often to look whether the policies have changed, and read them again; 0 for only on SIGHUP."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged: at `info` a line for each request, at `warning` only what went wrong."""
    log_format: Literal["json", "text"] = "json"
    """How a line of the log is written, on stdout."""
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    """A port of its own at which Prometheus reads `/metrics`; without, nothing is shown."""
    metrics_host: str = "127.0.0.1"
    """The address that this port is at."""
    tracing: bool = False
    """Whether spans go to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names; needs `cds-service[otel]`."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no `.env` is read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the folder is known only at run time
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the first that has one decides: arguments, environment, secrets."""
        secrets = SecretsSettingsSource(settings_cls, secrets_dir=os.environ.get(SECRETS_DIR))
        return init_settings, env_settings, secrets
