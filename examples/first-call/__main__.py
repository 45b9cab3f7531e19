"""A connector out of an OpenAPI document, and its connection with an OAuth application."""

import pulumi

import pulumi_scalekit as scalekit

notes = scalekit.Connector.from_json("notes", "connector.json")  # what `pulumi-scalekit new` wrote
connection = scalekit.Connection(
    "notes",
    connector=notes,
    connection_name="notes",
    oauth_app=scalekit.OAuthApp(
        client_id="notes-app",
        client_secret_variable="NOTES_CLIENT_SECRET",  # stays out of the state
        scopes=["notes.read"],
    ),
)
pulumi.export("redirect_uri", connection.redirect_uri)
