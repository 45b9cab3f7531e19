"""The HTTP client: each rule by itself, against small applications in place of the network."""
