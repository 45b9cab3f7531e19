"""One call through the connection, with the official SDK (`pip install scalekit-sdk-python`).

Usage: python call.py CONNECTION_NAME ACCOUNT PATH
"""

import os
import sys

from scalekit.client import ScalekitClient

connection_name, identifier, path = sys.argv[1:]
client = ScalekitClient(
    env_url=os.environ["SCALEKIT_ENVIRONMENT_URL"],
    client_id=os.environ["SCALEKIT_CLIENT_ID"],
    client_secret=os.environ["SCALEKIT_CLIENT_SECRET"],
)
response = client.actions.request(
    connection_name=connection_name, identifier=identifier, path=path, method="GET"
)
print(response.status_code)
print(response.text)
