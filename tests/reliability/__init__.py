"""Nothing lost, nothing twice, nothing leaked: every operation under every fault."""
