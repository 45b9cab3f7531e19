"""`python -m pulumi_scalekit.cli`."""

from . import main

main()
