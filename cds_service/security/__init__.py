"""Who calls: the JSON Web Tokens of CDS clients."""

from cds_service.security.client_jwt import Verifier
from cds_service.security.clients import Client, TrustedClient
from cds_service.security.clients_file import load_clients, read_clients
from cds_service.security.fetch import fetcher
from cds_service.security.keys import Fetch, KeysNotFetched, KeyStore
from cds_service.security.reasons import Reason
from cds_service.security.replay import InMemoryReplayGuard, ReplayGuard, ReplayGuardFull
from cds_service.security.signing import SigningKey, generate_key, jwks, new_claims, read_signing_key, sign

__all__ = [
    "Client",
    "Fetch",
    "InMemoryReplayGuard",
    "KeyStore",
    "KeysNotFetched",
    "Reason",
    "ReplayGuard",
    "ReplayGuardFull",
    "SigningKey",
    "TrustedClient",
    "Verifier",
    "fetcher",
    "generate_key",
    "jwks",
    "load_clients",
    "new_claims",
    "read_clients",
    "read_signing_key",
    "sign",
]
