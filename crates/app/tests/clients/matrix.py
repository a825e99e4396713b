"""Sends every signal over every transport, and compares what lands in Kafka with what protobuf's own tools say.

matrix.py FORMAT GRPC_PORT HTTP_PORT BOOTSTRAP
Prints one line a case and a count; exits 1 if a case failed.
"""

import base64
import gzip
import json
import sys
import urllib.request

import grpc
from confluent_kafka import Consumer, TopicPartition
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

FORMAT, GRPC_PORT, HTTP_PORT, BOOTSTRAP = sys.argv[1:5]

# Fields newer than OTLP 1.0.0: the json format prints them only when they are not at their default.
NEWER = {
    "flags": 0,
    "metadata": [],
    "event_name": "",
    "entity_refs": [],
    "key_strindex": 0,
    "string_value_strindex": 0,
}
# `flags` of data points and log records is as old as OTLP 1.0.0.
FLAGS_ARE_OLD = ("data_points", "log_records")


def attribute(key, **value):
    return KeyValue(key=key, value=AnyValue(**value))


def fill_resource(resource, case):
    resource.attributes.extend([
        attribute("service.name", string_value="matrix"),
        attribute("case", string_value=case),
        attribute("text", string_value='quotes " \\ newline \n nul \0 größe 金 😀 <&>'),
        attribute("whole", int_value=-(2**63)),
        attribute("half", double_value=0.5),
        attribute("yes", bool_value=True),
        attribute("raw", bytes_value=b"\xfb\xff\xbf\x01"),
    ])
    nested = resource.attributes.add(key="nested").value.kvlist_value
    nested.values.add(key="list").value.array_value.values.add().string_value = "x"


def traces(case):
    request = trace_service_pb2.ExportTraceServiceRequest()
    group = request.resource_spans.add(schema_url="https://example.com/schema")
    fill_resource(group.resource, case)
    spans = group.scope_spans.add()
    spans.scope.name = "scope"
    for number in range(3):
        span = spans.spans.add(
            trace_id=bytes(range(16)),
            span_id=bytes([number + 1] * 8),
            name=f"span {number}",
            kind=trace_pb2.Span.SPAN_KIND_SERVER,
            start_time_unix_nano=2**64 - 1 - number,
            end_time_unix_nano=1_760_000_000_000_000_000,
        )
        span.attributes.append(attribute("n", int_value=number))
        span.events.add(name="event", time_unix_nano=1)
        span.links.add(trace_id=b"\xff" * 16, span_id=b"\x01" * 8)
        span.status.code = trace_pb2.Status.STATUS_CODE_ERROR
    return request


def metrics(case):
    request = metrics_service_pb2.ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    fill_resource(group.resource, case)
    scope = group.scope_metrics.add()
    gauge = scope.metrics.add(name="gauge", unit="1")
    gauge.gauge.data_points.add(as_double=1e7, time_unix_nano=5)
    gauge.gauge.data_points.add(as_int=0)
    gauge.gauge.data_points.add(as_double=float("inf"))
    total = scope.metrics.add(name="sum")
    total.sum.is_monotonic = True
    total.sum.aggregation_temporality = metrics_pb2.AGGREGATION_TEMPORALITY_DELTA
    total.sum.data_points.add(as_int=-5)
    histogram = scope.metrics.add(name="histogram").histogram.data_points.add(
        count=3, sum=0.0, bucket_counts=[1, 2], explicit_bounds=[0.25]
    )
    histogram.exemplars.add(as_int=7, trace_id=b"\x01" * 16)
    exponential = scope.metrics.add(name="exponential").exponential_histogram.data_points.add(scale=-5)
    exponential.positive.offset = -3
    exponential.positive.bucket_counts.extend([1, 2**63])
    summary = scope.metrics.add(name="summary").summary.data_points.add(count=1)
    summary.quantile_values.add(quantile=0.5, value=3.0)
    return request


def logs(case):
    request = logs_service_pb2.ExportLogsServiceRequest()
    group = request.resource_logs.add()
    fill_resource(group.resource, case)
    scope = group.scope_logs.add()
    for number in range(2):
        record = scope.log_records.add(time_unix_nano=number, severity_number=9, severity_text="INFO", flags=1)
        record.body.string_value = f"line {number}"
    scope.log_records.add(event_name="event", severity_number=24).body.kvlist_value.values.add(key="empty")
    return request


SIGNALS = {
    "traces": (traces, trace_service_pb2_grpc.TraceServiceStub, "/v1/traces"),
    "metrics": (metrics, metrics_service_pb2_grpc.MetricsServiceStub, "/v1/metrics"),
    "logs": (logs, logs_service_pb2_grpc.LogsServiceStub, "/v1/logs"),
}


def otlp_json(node, key=""):
    """Protobuf's JSON to OTLP/JSON: ids in hex (enums are numbers already)."""
    if isinstance(node, dict):
        return {k: otlp_json(v, k) for k, v in node.items()}
    if isinstance(node, list):
        return [otlp_json(v, key) for v in node]
    if key in ("traceId", "spanId", "parentSpanId"):
        return base64.b64decode(node).hex()
    return node


def send(transport, signal, request, packed):
    _, stub, path = SIGNALS[signal]
    if transport == "grpc":
        compression = grpc.Compression.Gzip if packed else grpc.Compression.NoCompression
        with grpc.insecure_channel(f"127.0.0.1:{GRPC_PORT}", compression=compression) as channel:
            answer = stub(channel).Export(request, timeout=20)
        assert answer.ByteSize() == 0, answer
        return
    if transport == "http/json":
        tree = json_format.MessageToDict(request, use_integers_for_enums=True)
        body, media_type = json.dumps(otlp_json(tree)).encode(), "application/json"
    else:
        body, media_type = request.SerializeToString(), "application/x-protobuf"
    headers = {"Content-Type": media_type}
    if packed:
        body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
    call = urllib.request.Request(f"http://127.0.0.1:{HTTP_PORT}{path}", body, headers)
    with urllib.request.urlopen(call, timeout=20) as answer:
        assert answer.status == 200, answer.status
        assert answer.headers["Content-Type"] == media_type, answer.headers
        expected = b"{}" if media_type == "application/json" else b""
        assert answer.read() == expected


def ends(consumer, topic):
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[1] for p in partitions}


def read_since(consumer, topic, before):
    after = ends(consumer, topic)
    new = [TopicPartition(topic, p, before.get(p, 0)) for p, end in after.items() if end > before.get(p, 0)]
    wanted = sum(after[p.partition] - p.offset for p in new)
    consumer.assign(new)
    values = []
    while len(values) < wanted:
        message = consumer.poll(20)
        assert message is not None, f"{len(values)} of {wanted} records of {topic} after 20 s"
        assert message.error() is None, message.error()
        assert message.key() is None, message.key()
        values.append(message.value())
    consumer.unassign()
    return values


def without_newer(node, inside=""):
    if isinstance(node, list):
        return [without_newer(v, inside) for v in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        newer = key in NEWER and not (key == "flags" and inside in FLAGS_ARE_OLD)
        if not (newer and value == NEWER[key]):
            kept[key] = without_newer(value, key)
    return kept


def numbers(node):
    """Doubles compare as doubles: 1e7 and 10000000.0 are one number, but 1 and 1.0 are two."""
    if isinstance(node, dict):
        return {k: numbers(v) for k, v in node.items()}
    if isinstance(node, list):
        return [numbers(v) for v in node]
    return (type(node).__name__, node)


def check(value, request):
    if FORMAT == "protobuf":
        got = type(request).FromString(value)
        assert got == request, "the record is another request"
        assert value == request.SerializeToString(deterministic=True), "the record has other bytes"
        return
    if FORMAT == "otlp_json":
        expected = json_format.MessageToJson(request, use_integers_for_enums=True)
        expected, got = numbers(otlp_json(json.loads(expected))), numbers(json.loads(value))
        assert got == expected, f"expected {expected}\ngot      {got}"
        return
    expected = json_format.MessageToJson(
        request, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    expected = numbers(without_newer(json.loads(expected)))
    got = numbers(json.loads(value))
    assert got == expected, f"expected {expected}\ngot      {got}"


def main():
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "matrix", "enable.auto.commit": False})
    passed, failed = 0, 0
    for transport in ("grpc", "http/protobuf", "http/json"):
        for packed in (False, True):
            for signal, (build, _, _) in SIGNALS.items():
                case = f"{transport} {'gzip' if packed else 'plain'} {signal} {FORMAT}"
                try:
                    topic = f"otlp-{signal}"
                    before, request = ends(consumer, topic), build(case)
                    send(transport, signal, request, packed)
                    values = read_since(consumer, topic, before)
                    assert len(values) == 1, f"{len(values)} records for one request"
                    check(values[0], request)
                    passed += 1
                    print("ok    ", case)
                except Exception as problem:  # each case is reported, whatever went wrong
                    failed += 1
                    print("FAILED", case, repr(problem))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
