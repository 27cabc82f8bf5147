"""A call of a CDS Hooks service: hook, context, prefetched data, access to the FHIR server.

Source: CDS Hooks 2.0.1, HTTP Request; FHIR Resource Access.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Generic, TypeVar, cast

from pydantic import BeforeValidator, ConfigDict, SecretStr

from cds_service.cds_hooks.hooks import CONTEXTS, HookContext
from cds_service.cds_hooks.message import EMPTY, IdText, MaybeObject, Message, Unneeded

__all__ = ["FhirAuthorization", "Request", "parse"]

C_co = TypeVar("C_co", bound=HookContext, covariant=True)


def _whole_number(value: object) -> int | None:
    """Return a whole number, written as a number or in digits; None for anything else."""
    digits = str(value).removesuffix(".0")
    return int(digits) if digits.isdecimal() and len(digits) < 10 else None


class FhirAuthorization(Message):
    """A bearer token for the client's FHIR server, and what it is good for.

    `expires_in` is in seconds. Member names are OAuth's, so not camelCase. The
    standard requires all but `patient`; clients leave some out, so none is here.
    Only the token is of use; the others are None where they are not of their type.
    """

    model_config = ConfigDict(alias_generator=None)

    access_token: SecretStr | None = None
    token_type: Unneeded = None
    expires_in: Annotated[int | None, BeforeValidator(_whole_number)] = None
    scope: Unneeded = None
    subject: Unneeded = None
    patient: Unneeded = None


class Request(Message, Generic[C_co]):
    """One invocation of a hook.

    `hook` and `hook_instance` are as sent, or None: the URL decides which service
    is called, and clients are known to send another hook's name, an instance that
    is no UUID, or the same instance with every call. So `hook_instance` is no key.

    `prefetch` is as sent; see `prefetch.state_of`.
    """

    hook: str | None = None
    hook_instance: IdText | None = None
    fhir_server: str | None = None
    fhir_authorization: Annotated[
        FhirAuthorization | None, BeforeValidator(lambda value: None if value in EMPTY else value)
    ] = None
    context: C_co
    prefetch: MaybeObject = None
    extension: MaybeObject = None

    @property
    def bearer_token(self) -> SecretStr | None:
        """The access token; None if there is none, and an empty one is none."""
        token = self.fhir_authorization and self.fhir_authorization.access_token
        return token if token and token.get_secret_value().strip() else None


def parse(body: object, *, hook: str) -> Request[HookContext]:
    """Return the request in a decoded JSON body, its context read as that of `hook`.

    `hook` is the hook of the service that the URL names; `hook` in the body is
    kept, and need not be the same. For a context of a known type write
    `Request[OrderSignContext].read(body)`.

    Raises `ProtocolError` where the body is not such a request, and `KeyError` if
    `hook` is not in `CONTEXTS`.
    """
    return REQUESTS[hook].read(body)


REQUESTS: Final[Mapping[str, type[Request[HookContext]]]] = {
    # a type only known at run time cannot stand between brackets for the type checker
    hook: cast("type[Request[HookContext]]", Request.__class_getitem__(context))
    for hook, context in CONTEXTS.items()
}
"""Hook name → the type of its requests."""
