"""The OpenTelemetry SDK of Python exports all three signals, as an application would.

sdk.py grpc|http PORT ITEMS
Exits 1 if a flush failed; the caller counts the items in Kafka.
"""

import logging
import sys

from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

TRANSPORT, PORT, ITEMS = sys.argv[1], sys.argv[2], int(sys.argv[3])

if TRANSPORT == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    options = {"endpoint": f"http://127.0.0.1:{PORT}", "insecure": True}
    urls = {"traces": options, "metrics": options, "logs": options}
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    urls = {s: {"endpoint": f"http://127.0.0.1:{PORT}/v1/{s}"} for s in ("traces", "metrics", "logs")}

resource = Resource.create({"service.name": f"sdk-{TRANSPORT}"})

tracing = TracerProvider(resource=resource)
tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**urls["traces"])))
tracer = tracing.get_tracer("sdk")
for number in range(ITEMS):
    with tracer.start_as_current_span(f"span {number}"):
        pass

reader = PeriodicExportingMetricReader(OTLPMetricExporter(**urls["metrics"]), export_interval_millis=3_600_000)
metering = MeterProvider(resource=resource, metric_readers=[reader])
counter = metering.get_meter("sdk").create_counter("counter")
for number in range(ITEMS):
    counter.add(1, {"number": number})

logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**urls["logs"])))
logger = logging.getLogger("sdk")
logger.propagate = False
logger.setLevel(logging.INFO)
logger.addHandler(LoggingHandler(logger_provider=logs))
for number in range(ITEMS):
    logger.info("line %d", number)

flushed = [tracing.force_flush(), metering.force_flush(), logs.force_flush()]
for provider in (tracing, metering, logs):
    provider.shutdown()
sys.exit(0 if all(flushed) else 1)
