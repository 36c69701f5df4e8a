"""What a reply says in particular, finer than its blame. Only words and the table of which belongs to which blame.

A reason never decides more than its blame may: whether a row is retried, suppressed or moved to another egress hangs on verdict
and blame. Reasons are for people, for learning, and for telling which DNS record to mend.
"""

from enum import StrEnum

from actors.model.states import Blame


class Reason(StrEnum):
    """The class of a reply inside its blame. The words are stored; never give one a new meaning."""

    UNSAID = ""  # the reply says no more than its blame

    UNKNOWN = "unknown"  # no such mailbox
    DISABLED = "disabled"  # it was there and takes no mail any more
    FULL = "full"
    NO_MAIL = "no_mail"  # the domain does not exist or takes no mail (null MX)

    LISTED = "listed"  # on a block list, public or the receiver's own
    REPUTATION = "reputation"
    RATE = "rate"  # too much from this address
    REVERSE_DNS = "reverse_dns"

    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    ALIGNMENT = "alignment"  # signed and sent, but by another domain than From shows
    SENDER_DNS = "sender_dns"  # the return path's domain has no A or MX record, or a null MX

    SPAM = "spam"
    SIZE = "size"
    LINK = "link"
    VIRUS = "virus"  # malware or a kind of attachment that is not taken
    FORMAT = "format"

    GREYLIST = "greylist"
    OVERLOAD = "overload"
    CONNECTIONS = "connections"  # too many at once, or too many mails on one

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    LOST = "lost"  # the connection ended, or nothing came in time
    ROUTE = "route"  # relaying denied, loops: the wrong host was asked, or it is set up wrongly

    PROTOCOL = "protocol"
    LOGIN = "login"
    ENCODING = "encoding"  # the receiver lacks SMTPUTF8 or 8BITMIME

    LEARNED = "learned"  # words that nobody knows: whom they follow was seen (`hongyan replies`)


REASONS: dict[Blame, frozenset[Reason]] = {
    Blame.NONE: frozenset({Reason.UNSAID}),
    Blame.RECIPIENT: frozenset({Reason.UNSAID, Reason.UNKNOWN, Reason.DISABLED, Reason.FULL, Reason.NO_MAIL, Reason.LEARNED}),
    Blame.EGRESS: frozenset({Reason.UNSAID, Reason.LISTED, Reason.REPUTATION, Reason.RATE, Reason.REVERSE_DNS, Reason.LEARNED}),
    Blame.SENDER_DOMAIN: frozenset(
        {Reason.UNSAID, Reason.SPF, Reason.DKIM, Reason.DMARC, Reason.ALIGNMENT, Reason.SENDER_DNS, Reason.REPUTATION}
    ),
    Blame.CONTENT: frozenset(
        {Reason.UNSAID, Reason.SPAM, Reason.SIZE, Reason.LINK, Reason.VIRUS, Reason.FORMAT, Reason.LEARNED}
    ),
    Blame.BUSY: frozenset({Reason.UNSAID, Reason.GREYLIST, Reason.OVERLOAD, Reason.CONNECTIONS}),
    Blame.NETWORK: frozenset({Reason.UNSAID, Reason.DNS, Reason.CONNECT, Reason.TLS, Reason.LOST, Reason.ROUTE}),
    Blame.US: frozenset({Reason.UNSAID, Reason.PROTOCOL, Reason.LOGIN, Reason.ENCODING, Reason.TLS}),
}
