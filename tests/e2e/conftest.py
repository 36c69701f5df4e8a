"""What the end-to-end tests share."""

from tests.e2e.receivers.fixtures import (
    broken_tls,
    exim,
    opensmtpd,
    plain_exim,
    plain_postfix,
    postfix,
    receiver,
    smtp_sink,
)

__all__ = ["broken_tls", "exim", "opensmtpd", "plain_exim", "plain_postfix", "postfix", "receiver", "smtp_sink"]
