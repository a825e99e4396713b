"""Runs schemathesis over the description of the REST API against a live server.

describe.py URL FILE
What schemathesis makes up must be answered as the description says, and never with an error of the server's own.
"""

import os
import subprocess
import sys
import tempfile

URL, FILE = sys.argv[1:3]
# Not negative_data_rejection: unknown fields and other scalars are taken on purpose, as Connect takes them.
CHECKS = ",".join(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "unsupported_method",
    ]
)
# Once with names of its own, and once with the connector that is there, which it may change but not end.
KNOWN = '[parameters]\nname = "otlp-source"\nplugin = "OpenTelemetrySource"\nlogger = "sink"\ntask = 0\n'
RUNS = [("", []), (KNOWN, ["--include-path-regex", "[{]", "--exclude-method", "DELETE"])]
PROGRAM = os.path.join(os.path.dirname(sys.executable), "schemathesis")

for known, more in RUNS:
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "schemathesis.toml"), "w") as config:
            config.write(known)
        command = [PROGRAM, "run", FILE, "--url", URL, "--checks", CHECKS, "--warnings", "off", "--seed", "1"]
        command += ["--max-examples", "8", "--phases", "coverage,fuzzing", *more]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    print(done.stdout[-900:] if done.returncode == 0 else done.stdout + done.stderr)
    if done.returncode:
        sys.exit(done.returncode)
