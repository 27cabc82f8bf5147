"""The one error of this package: a message that breaks the protocol.

ValueError
└─ ProtocolError(path, reason)
"""

__all__ = ["ProtocolError"]


class ProtocolError(ValueError):
    """A CDS Hooks message is not what the standard asks for.

    `path` is where in the message, such as `context.patientId` or
    `cards[0].summary`; empty when it is the message as a whole. `reason` is a
    predicate in plain words, such as "is required". Neither ever holds a value
    from the message: values are charts and access tokens.
    """

    def __init__(self, path: str, reason: str) -> None:
        """Keep where and why."""
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Return one sentence, lower case, without any value from the message."""
        return f"`{self.path}` {self.reason}" if self.path else f"the message {self.reason}"
