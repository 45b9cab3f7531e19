"""`python -m pulumi_embedded` is the command `pulumi-embedded`."""

from .command import main

main()
