"""The `pulumi-scalekit` command."""


def main() -> None:
    """Run the command with the arguments of this process, and end the process with its exit code."""
    from .app import run

    run()
