"""What the commands share: finding the stack, its configuration and its secrets."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from pulumi_embedded.errors import (
    ConfigurationError,
    EmbeddedError,
    StackNotFound,
)
from pulumi_embedded.project.project import Project
from pulumi_embedded.project.stack_config import StackConfig
from pulumi_embedded.project.workspace import Workspace
from pulumi_embedded.state.backend import Backend, StackFile, StackReference, backend_url, parse_stack
from pulumi_embedded.state.checkpoint import Snapshot, read_snapshot
from pulumi_embedded.state.secrets import SecretsManager, read_passphrase, read_plain
from pulumi_embedded.values.values import Properties

from .options import is_set


@dataclass
class Context:
    """Where a command works: the global options, and what follows from them.

    `group_options` are those given before a subcommand: `stack --stack dev output`.
    """

    console: Console
    folder: Path
    interactive: bool
    group_options: dict[str, str | None] = field(default_factory=dict, init=False)
    _project: Project | None = field(default=None, init=False)
    _backend: Backend | None = field(default=None, init=False)

    @property
    def project(self) -> Project:
        """The project of the working folder."""
        if self._project is None:
            self._project = Project.find(self.folder)
        return self._project

    @property
    def backend(self) -> Backend:
        """The backend in force."""
        if self._backend is None:
            self._backend = Backend(backend_url(self.optional_project()))
        return self._backend

    def optional_project(self) -> Project | None:
        """Return the project, if there is one."""
        try:
            return self.project
        except ConfigurationError:
            return None

    def reference(self, name: str | None) -> StackReference:
        """Return the stack of that name, or the selected one.

        Raises:
            StackNotFound: none is named and none is selected.
        """
        if name is None:
            name = Workspace(self.project).selected(self.backend.url)
            if name is None:
                raise StackNotFound(
                    "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one"
                )
        return parse_stack(name, self.optional_project())

    def check_project(self, reference: StackReference) -> None:
        """Check that a stack is one of the project here: no program runs on the resources of another's.

        Raises:
            EmbeddedError: it is not.
        """
        if reference.project != self.project.name:
            raise EmbeddedError(f'provided project name "{reference.project}" doesn\'t match Pulumi.yaml')

    def stack(self, name: str | None, config_file: str | None = None) -> Stack:
        """Open an existing stack.

        Raises:
            StackNotFound: there is none of that name.
        """
        reference = self.reference(name or self.group_options.get("stack"))
        return Stack(
            self, self.backend.stack(reference), config_file or self.group_options.get("config_file")
        )


class Stack:
    """A stack: its files, its configuration and its secrets."""

    def __init__(self, context: Context, file: StackFile, config_file: str | None = None) -> None:
        self.context = context
        self.file = file
        self._config_file = config_file
        self._managers: dict[str, SecretsManager] = {}

    @property
    def name(self) -> str:
        """The short name."""
        return self.file.reference.name

    @property
    def is_of_project(self) -> bool:
        """Whether this is a stack of the project here, so that the configuration beside Pulumi.yaml is its own."""
        project = self.context.optional_project()
        return project is not None and project.name == self.file.reference.project

    def config(self) -> StackConfig:
        """Read the configuration file."""
        if self._config_file:
            return StackConfig.load(Path(self._config_file))
        return StackConfig.load(self.context.project.config_file(self.name))

    # -- secrets

    def manager(self, salt: str) -> SecretsManager:
        """Open the secrets under a salt, once."""
        if salt not in self._managers:
            prompt = f"Enter your passphrase to unlock config/secrets for stack {self.name}"
            passphrase = read_passphrase(prompt, interactive=self.context.interactive)
            self._managers[salt] = SecretsManager.open(passphrase, salt)
        return self._managers[salt]

    def secrets(self, config: StackConfig) -> SecretsManager | None:
        """Return the secrets manager: by the configuration, else by the state; None if neither has one."""
        return self.manager(config.salt) if config.salt else self.state_secrets()

    def state_secrets(self) -> SecretsManager | None:
        """Return the secrets manager that the state was written with, if any."""
        salt = self._state_salt(self.file.load())
        return self.manager(salt) if salt else None

    @staticmethod
    def _state_salt(latest: dict[str, Any] | None) -> str | None:
        provider = (latest or {}).get("secrets_providers") or {}
        salt = (provider.get("state") or {}).get("salt")
        return str(salt) if salt else None

    def ensure_secrets(self, config: StackConfig) -> SecretsManager:
        """Return the secrets manager, and make one for a stack that does not have one yet."""
        found = self.secrets(config)
        if found is None:
            return self.new_secrets(config)
        if not config.salt:
            config.set_salt(found.salt)
        return found

    def new_secrets(self, config: StackConfig) -> SecretsManager:
        """Make a secrets manager for a passphrase that is asked for, and write its salt into the configuration."""
        passphrase = read_passphrase(
            "Enter your passphrase to protect config/secrets", interactive=self.context.interactive
        )
        made = SecretsManager.new(passphrase)
        self._managers[made.salt] = made
        config.set_salt(made.salt)
        return made

    def decrypt(self, config: StackConfig, sealed: str) -> str:
        """Open a secret of the configuration.

        Raises:
            EmbeddedError: it cannot be opened, or the file has secrets but no salt.
        """
        manager = self.secrets(config)
        if manager is None:
            raise EmbeddedError(f"{config.path} has secrets but no `encryptionsalt` to open them with")
        return manager.crypter.decrypt(sealed)

    # -- state

    def snapshot(self, latest: dict[str, Any] | None) -> Snapshot:
        """Read a deployment, with its secrets opened."""
        salt = self._state_salt(latest)
        if not salt:
            return read_snapshot(latest, read_plain)
        # The passphrase is asked for when there is a secret to open.
        return read_snapshot(latest, lambda stored: self.manager(salt).read(stored))

    def outputs(self) -> Properties:
        """Return the stack's outputs."""
        return self.snapshot(self.file.load()).outputs()


_current: list[Context] = []


def set_current_context(context: Context) -> None:
    """Begin a command."""
    _current[:] = [context]


def current_context() -> Context:
    """Return where the command that runs now works."""
    return _current[0]


def is_confirmed(context: Context, question: str) -> bool:
    """Ask the user, unless PULUMI_SKIP_CONFIRMATIONS says not to.

    Raises:
        EmbeddedError: there is nobody to ask.
    """
    if is_set("PULUMI_SKIP_CONFIRMATIONS"):
        return True
    if not context.interactive:
        raise EmbeddedError("non-interactive mode requires --yes flag")
    return typer.confirm(question)
