"""The program as a user of this package writes it."""

from payloads import payloads

from pulumi_scalekit import Connector

for name, payload in payloads().items():
    Connector(name, **payload)
