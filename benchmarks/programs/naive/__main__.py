"""The same program with a provider as Pulumi's documentation leads one to write it.

The class lives in the program, so it is pickled by value into the state of every resource. Each call requests a token
and makes its one request.
"""

import os

import pulumi
from payloads import payloads
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult


class NaiveProvider(ResourceProvider):
    """Every call requests a token and makes its own request."""

    def _call(self, method, path, body=None):
        import json
        import urllib.parse
        import urllib.request

        def send(path, data, headers, method):
            url = os.environ["SCALEKIT_ENVIRONMENT_URL"] + path
            request = urllib.request.Request(url, data, headers, method=method)
            with urllib.request.urlopen(request) as response:
                return json.load(response)

        form = {
            "grant_type": "client_credentials",
            "client_id": os.environ["SCALEKIT_CLIENT_ID"],
            "client_secret": os.environ["SCALEKIT_CLIENT_SECRET"],
        }
        token = send("/oauth/token", urllib.parse.urlencode(form).encode(), {}, "POST")["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return send(path, json.dumps(body).encode() if body else None, headers, method)

    def _body(self, props):
        return {key: value for key, value in props.items() if key not in ("__provider", "identifier")}

    def create(self, props):
        """POST it."""
        response = self._call("POST", "/api/v1/custom-providers", self._body(props))
        identifier = response["provider"]["identifier"]
        return CreateResult(identifier, {**props, "identifier": identifier})

    def diff(self, _id, olds, news):
        """Compare as dictionaries."""
        return DiffResult(changes=self._body(olds) != self._body(news))

    def read(self, id_, props):
        """GET it."""
        query = f"filter.provider_type=CUSTOM&page_size=1&identifier={id_}"
        found = self._call("GET", f"/api/v1/providers?{query}")["providers"]
        return ReadResult(
            id_, {**props, **{key: found[0][key] for key in self._body(props) if key in found[0]}}
        )

    def update(self, id_, _olds, news):
        """PUT it."""
        self._call("PUT", f"/api/v1/custom-providers/{id_}", self._body(news))
        return UpdateResult({**news, "identifier": id_})

    def delete(self, id_, _props):
        """DELETE it."""
        self._call("DELETE", f"/api/v1/custom-providers/{id_}")


class Naive(Resource):
    """A connector."""

    identifier: pulumi.Output[str]

    def __init__(self, name, payload):
        super().__init__(NaiveProvider(), name, {**payload, "identifier": None})


for name, payload in payloads().items():
    Naive(name, payload)
