"""The same program with a provider that does nothing, and the outputs of a connector."""

from nothing import Nothing, OutputsProvider
from payloads import payloads

for name, payload in payloads().items():
    Nothing(name, payload, OutputsProvider())
