"""How fast the provider is, measured: `make bench` runs everything, `python -m benchmarks --help` less."""
