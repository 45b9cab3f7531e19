"""`python -m pulumi_embedded` is the command `pulumi-embedded`."""

from .cli import main

main()
