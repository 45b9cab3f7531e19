"""The same program with a provider that does nothing."""

from nothing import Nothing
from payloads import payloads

for name, payload in payloads().items():
    Nothing(name, payload)
