"""Two environments from one program: an explicit provider for each.

Usually one stack for each environment is the better choice: `pulumi up --stack production` then touches nothing else.
This is for programs that have to reach several environments at once.

    pulumi config set devUrl https://acme-dev.scalekit.dev
    pulumi config set devClientId skc_1
    pulumi config set --secret devClientSecret …
    pulumi config set productionUrl https://acme.scalekit.com
    pulumi config set productionClientId skc_2
    pulumi config set --secret productionClientSecret …
"""

import pulumi

import pulumi_scalekit as scalekit

config = pulumi.Config()


def declare_search(environment: str, *, protect: bool = False) -> scalekit.Connector:
    """Declare the connector in an environment whose settings are in the stack's configuration."""
    provider = scalekit.Provider(
        environment,
        environment_url=config.require(f"{environment}Url"),
        client_id=config.require(f"{environment}ClientId"),
        client_secret=config.require_secret(f"{environment}ClientSecret"),
    )
    return scalekit.Connector(
        f"search-{environment}",
        display_name="Web Search",
        description="Search the web",
        proxy_url="https://api.search.example.com",
        auth_patterns=[
            scalekit.BearerAuth(
                display_name="API token",
                fields=[scalekit.Field("token", label="API token", input_type="password", required=True)],
            )
        ],
        opts=pulumi.ResourceOptions(provider=provider, protect=protect),
    )


# Each environment makes identifiers of its own.
for environment in ("dev", "production"):
    pulumi.export(environment, declare_search(environment, protect=environment == "production").identifier)
