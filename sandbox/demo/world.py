"""The receivers of the demo: mostly friendly, with a little of everything that real ones do."""

WORLD = """\
# The simulated receivers of the demo (hongyan sandbox --script). Rules are asked in order; the first that answers decides.
hostname: mx.demo-world.test
seed: 7
features: {size: 26214400}
rules:
  # Every provider: addresses that are gone, mailboxes that are full. `share` means always the same recipients.
  - {share: 0.008, reply: "550 5.1.1 no such user here"}
  - {share: 0.002, reply: "550 5.2.1 this mailbox is disabled"}
  - {share: 0.001, reply: "452 4.2.2 the mailbox is full"}

  # A provider that is busy now and then.
  - {domain: yahoo.test, probability: 0.002, reply: "451 4.3.2 too busy, try again later"}

  # Schools greylist: the first try of an address is put off, for two minutes of the demo's fast time.
  - {domain: "*.edu.test", greylist: 2s}

  # One company dislikes bulk mail, another one's connections break: in the message, and after its end without a reply.
  - {domain: strict-insurance.test, at: dot, probability: 0.5, reply: "554 5.7.1 bulk mail is not wanted here"}
  - {domain: flaky-logistics.test, at: body, probability: 0.05, drop: true}
  - {domain: flaky-logistics.test, at: dot, probability: 0.02, drop: true, keep: true}

  # One is slow.
  - {domain: slow-museum.test, at: dot, delay: 200ms}
"""
