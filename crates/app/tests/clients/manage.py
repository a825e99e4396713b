"""Manages a connector with kafka-connect-py as it is.

manage.py URL PORT
Creates, changes, pauses, stops, restarts and deletes a connector that listens on PORT; exits 1 if a call fails.
"""

import sys
import time

from kafka_connect import KafkaConnect

URL, PORT = sys.argv[1:3]
NAME = "from-pypi"
CONFIG = {
    "connector.class": "io.conduktor.connect.otel.OpenTelemetrySourceConnector",
    "otlp.grpc.enabled": "false",
    "otlp.http.port": PORT,
    "otlp.bind.address": "127.0.0.1",
}


def until(state, tasks):
    """Waits until connector and tasks are in these states."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        status = connect.get_connector_status(NAME)
        seen = status["connector"]["state"], [task["state"] for task in status["tasks"]]
        if seen == (state, tasks):
            return
        time.sleep(0.05)
    sys.exit(f"{seen}, expected {(state, tasks)}")


connect = KafkaConnect(url=URL)
assert connect.get_cluster_info()["version"].split(".")[0] == "4"
plugins = connect.list_connector_plugins()
assert any(plugin["class"] == CONFIG["connector.class"] for plugin in plugins), plugins
checked = connect.validate_connector_config("OpenTelemetrySourceConnector", {**CONFIG, "name": NAME})
assert checked["error_count"] == 0, checked

connect.create_connector({"name": NAME, "config": CONFIG})
until("RUNNING", ["RUNNING"])
assert NAME in connect.list_connectors()
assert connect.list_connectors(expand="status", state="RUNNING")[NAME]
assert connect.get_connector(NAME)["type"] == "source"
assert connect.get_connector_config(NAME) == {**CONFIG, "name": NAME}
connect.update_connector(NAME, {**CONFIG, "otlp.message.format": "protobuf"})
assert connect.get_connector_config(NAME)["otlp.message.format"] == "protobuf"
assert connect.list_connector_tasks(NAME)[0]["id"] == {"connector": NAME, "task": 0}
assert connect.get_connector_task_status(NAME, 0)["id"] == 0
connect.restart_connector(NAME)
connect.restart_connector(NAME, include_tasks=True, only_failed=True)
connect.restart_connector_task(NAME, 0)
until("RUNNING", ["RUNNING"])
assert connect.list_connector_topics(NAME)[NAME]["topics"] == []
connect.reset_connector_topics(NAME)
connect.pause_connector(NAME)
until("PAUSED", ["PAUSED"])
connect.resume_connector(NAME)
until("RUNNING", ["RUNNING"])
connect.stop_connector(NAME)
until("STOPPED", [])
connect.delete_connector(NAME)
assert NAME not in connect.list_connectors()
print("kafka-connect-py: created, changed, restarted, paused, resumed, stopped, deleted")
