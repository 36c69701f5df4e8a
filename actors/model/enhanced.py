"""The enumerated status codes of the IANA registry (RFC 5248), each with whom it speaks about.

Source: https://www.iana.org/assignments/smtp-enhanced-status-codes/ as of 2024-12-06; a test holds this table against its list.
Pure tables. `final`: a 5.x.x with these numbers proves that the same mail will never be taken; else a refusal is only late.
"""

from typing import NamedTuple

from actors.model.reasons import Reason as R
from actors.model.states import Blame as B


class Status(NamedTuple):
    """One entry of the registry. `late`: whom a 4.x.x with these numbers speaks about, where it is somebody else."""

    summary: str
    source: str
    blame: B
    reason: R = R.UNSAID
    final: bool = False
    late: tuple[B, R] | None = None


BUSY = (B.BUSY, R.UNSAID)

REGISTRY: dict[str, Status] = {
    "0.0": Status("Other undefined status", "RFC 3463", B.BUSY),
    "1.0": Status("Other address status", "RFC 3463", B.RECIPIENT, final=True),
    "1.1": Status("Bad destination mailbox address", "RFC 3463", B.RECIPIENT, R.UNKNOWN, final=True),
    "1.2": Status("Bad destination system address", "RFC 3463", B.RECIPIENT, R.NO_MAIL, final=True),
    "1.3": Status("Bad destination mailbox address syntax", "RFC 3463", B.RECIPIENT, R.UNKNOWN, final=True),
    "1.4": Status("Destination mailbox address ambiguous", "RFC 3463", B.RECIPIENT, R.UNKNOWN, final=True),
    "1.5": Status("Destination address valid", "RFC 3463", B.BUSY),
    "1.6": Status("Destination mailbox has moved, no forwarding address", "RFC 3463", B.RECIPIENT, R.DISABLED, final=True),
    "1.7": Status("Bad sender's mailbox address syntax", "RFC 3463", B.SENDER_DOMAIN, R.SENDER_DNS, final=True),
    "1.8": Status("Bad sender's system address", "RFC 3463", B.SENDER_DOMAIN, R.SENDER_DNS, final=True),
    "1.9": Status("Message relayed to non-compliant mailer", "RFC 3886", B.NETWORK, R.ROUTE),
    "1.10": Status("Recipient address has null MX", "RFC 7505", B.RECIPIENT, R.NO_MAIL, final=True),
    "2.0": Status("Other or undefined mailbox status", "RFC 3463", B.RECIPIENT),
    "2.1": Status("Mailbox disabled, not accepting messages", "RFC 3463", B.RECIPIENT, R.DISABLED, final=True),
    "2.2": Status("Mailbox full", "RFC 3463", B.RECIPIENT, R.FULL),
    "2.3": Status("Message length exceeds administrative limit", "RFC 3463", B.CONTENT, R.SIZE, final=True),
    "2.4": Status("Mailing list expansion problem", "RFC 3463", B.RECIPIENT),
    "3.0": Status("Other or undefined mail system status", "RFC 3463", B.BUSY),
    "3.1": Status("Mail system full", "RFC 3463", B.BUSY, R.OVERLOAD),
    "3.2": Status("System not accepting network messages", "RFC 3463", B.BUSY, R.OVERLOAD),
    "3.3": Status("System not capable of selected features", "RFC 3463", B.US, R.PROTOCOL, late=BUSY),
    "3.4": Status("Message too big for system", "RFC 3463", B.CONTENT, R.SIZE, final=True),
    "3.5": Status("System incorrectly configured", "RFC 3463", B.NETWORK, R.ROUTE, late=BUSY),
    "3.6": Status("Requested priority was changed", "RFC 6710", B.BUSY),
    "4.0": Status("Other or undefined network or routing status", "RFC 3463", B.NETWORK),
    "4.1": Status("No answer from host", "RFC 3463", B.NETWORK, R.CONNECT),
    "4.2": Status("Bad connection", "RFC 3463", B.NETWORK, R.LOST),
    "4.3": Status("Directory server failure", "RFC 3463", B.NETWORK, R.DNS),
    "4.4": Status("Unable to route", "RFC 3463", B.NETWORK, R.ROUTE),
    "4.5": Status("Mail system congestion", "RFC 3463", B.BUSY, R.OVERLOAD),
    "4.6": Status("Routing loop detected", "RFC 3463", B.NETWORK, R.ROUTE),
    "4.7": Status("Delivery time expired", "RFC 3463", B.NETWORK, R.LOST),
    "5.0": Status("Other or undefined protocol status", "RFC 3463", B.US, R.PROTOCOL),
    "5.1": Status("Invalid command", "RFC 3463", B.US, R.PROTOCOL),
    "5.2": Status("Syntax error", "RFC 3463", B.US, R.PROTOCOL),
    "5.3": Status("Too many recipients", "RFC 3463", B.BUSY, R.CONNECTIONS),
    "5.4": Status("Invalid command arguments", "RFC 3463", B.US, R.PROTOCOL),
    "5.5": Status("Wrong protocol version", "RFC 3463", B.US, R.PROTOCOL),
    "5.6": Status("Authentication exchange line is too long", "RFC 4954", B.US, R.LOGIN),
    "6.0": Status("Other or undefined media error", "RFC 3463", B.CONTENT, R.FORMAT, final=True),
    "6.1": Status("Media not supported", "RFC 3463", B.CONTENT, R.FORMAT, final=True),
    "6.2": Status("Conversion required and prohibited", "RFC 3463", B.CONTENT, R.FORMAT, final=True),
    "6.3": Status("Conversion required but not supported", "RFC 3463", B.CONTENT, R.FORMAT, final=True),
    "6.4": Status("Conversion with loss performed", "RFC 3463", B.CONTENT, R.FORMAT, final=True),
    "6.5": Status("Conversion failed", "RFC 3463", B.CONTENT, R.FORMAT, final=True),
    "6.6": Status("Message content not available", "RFC 4468", B.CONTENT, R.FORMAT),
    "6.7": Status("Non-ASCII addresses not permitted for that sender/recipient", "RFC 6531", B.US, R.ENCODING, final=True),
    "6.8": Status("UTF-8 string reply is required, but not permitted by the client", "RFC 6531", B.US, R.ENCODING, final=True),
    "6.9": Status("UTF-8 header message cannot be transferred", "RFC 6531", B.US, R.ENCODING, final=True),
    "6.10": Status("This is a duplicate of X.6.8 and is thus deprecated", "RFC 6531", B.US, R.ENCODING, final=True),
    "7.0": Status("Other or undefined security status", "RFC 3463", B.EGRESS, late=BUSY),
    "7.1": Status("Delivery not authorized, message refused", "RFC 3463", B.EGRESS, late=BUSY),
    "7.2": Status("Mailing list expansion prohibited", "RFC 3463", B.RECIPIENT, late=BUSY),
    "7.3": Status("Security conversion required but not possible", "RFC 3463", B.EGRESS, late=BUSY),
    "7.4": Status("Security features not supported", "RFC 3463", B.US, R.TLS),
    "7.5": Status("Cryptographic failure", "RFC 3463", B.US, R.TLS),
    "7.6": Status("Cryptographic algorithm not supported", "RFC 3463", B.US, R.TLS),
    "7.7": Status("Message integrity failure", "RFC 3463", B.SENDER_DOMAIN, R.DKIM, late=BUSY),
    "7.8": Status("Authentication credentials invalid", "RFC 4954", B.US, R.LOGIN),
    "7.9": Status("Authentication mechanism is too weak", "RFC 4954", B.US, R.LOGIN),
    "7.10": Status("Encryption needed", "RFC 5248", B.US, R.TLS),
    "7.11": Status("Encryption required for requested authentication mechanism", "RFC 4954", B.US, R.TLS),
    "7.12": Status("A password transition is needed", "RFC 4954", B.US, R.LOGIN),
    "7.13": Status("User account disabled", "RFC 5248", B.RECIPIENT, R.DISABLED, final=True),
    "7.14": Status("Trust relationship required", "RFC 5248", B.US, R.LOGIN),
    "7.15": Status("Priority level is too low", "RFC 6710", B.BUSY, R.OVERLOAD),
    "7.16": Status("Message is too big for the specified priority", "RFC 6710", B.CONTENT, R.SIZE, final=True),
    "7.17": Status("Mailbox owner has changed", "RFC 7293", B.RECIPIENT, R.DISABLED, final=True),
    "7.18": Status("Domain owner has changed", "RFC 7293", B.RECIPIENT, R.DISABLED, final=True),
    "7.19": Status("RRVS test cannot be completed", "RFC 7293", B.RECIPIENT),
    "7.20": Status("No passing DKIM signature found", "RFC 7372", B.SENDER_DOMAIN, R.DKIM, final=True),
    "7.21": Status("No acceptable DKIM signature found", "RFC 7372", B.SENDER_DOMAIN, R.DKIM, final=True),
    "7.22": Status("No valid author-matched DKIM signature found", "RFC 7372", B.SENDER_DOMAIN, R.ALIGNMENT, final=True),
    "7.23": Status("SPF validation failed", "RFC 7372", B.SENDER_DOMAIN, R.SPF, final=True),
    "7.24": Status("SPF validation error", "RFC 7372", B.SENDER_DOMAIN, R.SPF),
    "7.25": Status("Reverse DNS validation failed", "RFC 7372", B.EGRESS, R.REVERSE_DNS),
    "7.26": Status("Multiple authentication checks failed", "RFC 7372", B.SENDER_DOMAIN, R.DMARC, final=True),
    "7.27": Status("Sender address has null MX", "RFC 7505", B.SENDER_DOMAIN, R.SENDER_DNS, final=True),
    "7.28": Status("Mail flood detected", "RFC 4865", B.EGRESS, R.RATE),
    "7.29": Status("ARC validation failure", "RFC 8617", B.SENDER_DOMAIN, R.DKIM, late=BUSY),
    "7.30": Status("REQUIRETLS support required", "RFC 8689", B.US, R.TLS),
}

# A code that the registry does not know speaks by its subject (RFC 3463 section 2), and proves nothing.
SUBJECTS: dict[str, Status] = {
    "0": Status("Undefined", "RFC 3463", B.BUSY),
    "1": Status("Addressing", "RFC 3463", B.RECIPIENT),
    "2": Status("Mailbox", "RFC 3463", B.RECIPIENT),
    "3": Status("Mail system", "RFC 3463", B.BUSY),
    "4": Status("Network and routing", "RFC 3463", B.NETWORK),
    "5": Status("Mail delivery protocol", "RFC 3463", B.US, R.PROTOCOL),
    "6": Status("Message content or media", "RFC 3463", B.CONTENT, R.FORMAT, final=True),
    "7": Status("Security or policy", "RFC 3463", B.EGRESS, late=BUSY),
}


def status_of(enhanced: str) -> Status | None:
    """The entry of "5.1.1", or its subject's; None for "" and for numbers that mean nothing."""
    _, _, numbers = enhanced.partition(".")
    return REGISTRY.get(numbers) or SUBJECTS.get(numbers.partition(".")[0])
