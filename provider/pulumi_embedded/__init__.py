"""An engine that runs Pulumi programs with Python dynamic resources where the Pulumi CLI is not installed."""
