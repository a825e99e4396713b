"""Calls a REST API that is protected by TLS, client certificates and users.

protected.py URL CA CERTIFICATE
"""

import sys

import requests

URL, CA, CERTIFICATE = sys.argv[1:4]
CONFIG = {"connector.class": "OpenTelemetrySource", "otlp.grpc.enabled": "false", "tasks.max": "0"}
user = ("ann", "s3cret")

answer = requests.get(f"{URL}/connectors", verify=CA, cert=CERTIFICATE, auth=user, timeout=10)
assert answer.status_code == 200 and answer.json() == ["otlp-source"], answer.text
answer = requests.get(f"{URL}/connectors", verify=CA, cert=CERTIFICATE, auth=("ann", "no"), timeout=10)
assert answer.status_code == 401 and answer.text == "User cannot access the resource.", answer.text
assert requests.get(f"{URL}/livez", verify=CA, cert=CERTIFICATE, timeout=10).status_code == 200
answer = requests.put(f"{URL}/connectors/x/config", json=CONFIG, verify=CA, cert=CERTIFICATE, auth=user, timeout=10)
assert answer.status_code == 400 and "tasks.max" in answer.json()["message"], answer.text
for trusted, shown in [(CA, None), (True, CERTIFICATE)]:
    try:
        requests.get(f"{URL}/livez", verify=trusted, cert=shown, timeout=10)
    except (requests.exceptions.SSLError, requests.exceptions.ConnectionError):
        continue
    sys.exit(f"let in with verify={trusted}, cert={shown}")
print("TLS, client certificate and user: each is asked for")
