// A connector and its connection. `pulumi package add ../../.venv/bin/pulumi-resource-scalekit` generates the
// package that this imports, with the types and the descriptions of every property.

import * as scalekit from "pulumi-scalekit";

// The properties have the names that they have in Scalekit's documentation.
const freshdesk = new scalekit.Connector("freshdesk", {
    display_name: "My Freshdesk",
    description: "Connect to Freshdesk. Manage tickets, contacts, companies, and customer support workflows",
    // The account's own domain fills {{domain}} in the URL.
    proxy_url: "https://{{domain}}/api",
    auth_patterns: [
        {
            type: scalekit.AuthType.BASIC,
            display_name: "Basic Auth",
            fields: [
                {
                    field_name: "domain",
                    label: "Freshdesk Domain",
                    input_type: "text",
                    hint: "Your Freshdesk domain (e.g., yourcompany.freshdesk.com)",
                    required: true,
                },
                {
                    field_name: "username",
                    label: "API Key",
                    input_type: "password",
                    hint: "Your Freshdesk API Key",
                    required: true,
                },
            ],
        },
    ],
});

const support = new scalekit.Connection("support", {
    connector: freshdesk.identifier,
    connection_name: "support",
    // The type of the connector's own pattern.
    auth_type: scalekit.AuthType.BASIC,
});

export const connector = freshdesk.identifier;
export const connection = support.connection_name;
