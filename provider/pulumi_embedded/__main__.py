"""`python -m pulumi_embedded` is the command `pulumi-embedded`."""

from pulumi_embedded.cli.main import main

main()
