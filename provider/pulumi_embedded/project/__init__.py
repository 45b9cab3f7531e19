"""The files of a project: `Pulumi.yaml` and the configuration of its stacks."""
