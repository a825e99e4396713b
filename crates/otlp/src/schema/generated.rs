//! Tables of every message an OTLP export request can hold, written by `cargo xtask codegen`.
//!
//! From `io.opentelemetry.proto:opentelemetry-proto:1.11.0-alpha`. Do not edit.

use super::EnumId as E;
use super::MessageId as M;
use super::{Enum, Field, Kind, Message};

/// A message type, by its name inside its package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageId {
    /// `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`
    ExportTraceServiceRequest,
    /// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`
    ExportMetricsServiceRequest,
    /// `opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest`
    ExportLogsServiceRequest,
    /// `opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest`
    ExportProfilesServiceRequest,
    /// `opentelemetry.proto.trace.v1.ResourceSpans`
    ResourceSpans,
    /// `opentelemetry.proto.metrics.v1.ResourceMetrics`
    ResourceMetrics,
    /// `opentelemetry.proto.logs.v1.ResourceLogs`
    ResourceLogs,
    /// `opentelemetry.proto.profiles.v1development.ResourceProfiles`
    ResourceProfiles,
    /// `opentelemetry.proto.profiles.v1development.ProfilesDictionary`
    ProfilesDictionary,
    /// `opentelemetry.proto.resource.v1.Resource`
    Resource,
    /// `opentelemetry.proto.trace.v1.ScopeSpans`
    ScopeSpans,
    /// `opentelemetry.proto.metrics.v1.ScopeMetrics`
    ScopeMetrics,
    /// `opentelemetry.proto.logs.v1.ScopeLogs`
    ScopeLogs,
    /// `opentelemetry.proto.profiles.v1development.ScopeProfiles`
    ScopeProfiles,
    /// `opentelemetry.proto.profiles.v1development.Mapping`
    Mapping,
    /// `opentelemetry.proto.profiles.v1development.Location`
    Location,
    /// `opentelemetry.proto.profiles.v1development.Function`
    Function,
    /// `opentelemetry.proto.profiles.v1development.Link`
    Link,
    /// `opentelemetry.proto.profiles.v1development.KeyValueAndUnit`
    KeyValueAndUnit,
    /// `opentelemetry.proto.profiles.v1development.Stack`
    Stack,
    /// `opentelemetry.proto.common.v1.KeyValue`
    KeyValue,
    /// `opentelemetry.proto.common.v1.EntityRef`
    EntityRef,
    /// `opentelemetry.proto.common.v1.InstrumentationScope`
    InstrumentationScope,
    /// `opentelemetry.proto.trace.v1.Span`
    Span,
    /// `opentelemetry.proto.metrics.v1.Metric`
    Metric,
    /// `opentelemetry.proto.logs.v1.LogRecord`
    LogRecord,
    /// `opentelemetry.proto.profiles.v1development.Profile`
    Profile,
    /// `opentelemetry.proto.profiles.v1development.Line`
    Line,
    /// `opentelemetry.proto.common.v1.AnyValue`
    AnyValue,
    /// `opentelemetry.proto.trace.v1.Span.Event`
    SpanEvent,
    /// `opentelemetry.proto.trace.v1.Span.Link`
    SpanLink,
    /// `opentelemetry.proto.trace.v1.Status`
    Status,
    /// `opentelemetry.proto.metrics.v1.Gauge`
    Gauge,
    /// `opentelemetry.proto.metrics.v1.Sum`
    Sum,
    /// `opentelemetry.proto.metrics.v1.Histogram`
    Histogram,
    /// `opentelemetry.proto.metrics.v1.ExponentialHistogram`
    ExponentialHistogram,
    /// `opentelemetry.proto.metrics.v1.Summary`
    Summary,
    /// `opentelemetry.proto.profiles.v1development.ValueType`
    ValueType,
    /// `opentelemetry.proto.profiles.v1development.Sample`
    Sample,
    /// `opentelemetry.proto.common.v1.ArrayValue`
    ArrayValue,
    /// `opentelemetry.proto.common.v1.KeyValueList`
    KeyValueList,
    /// `opentelemetry.proto.metrics.v1.NumberDataPoint`
    NumberDataPoint,
    /// `opentelemetry.proto.metrics.v1.HistogramDataPoint`
    HistogramDataPoint,
    /// `opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint`
    ExponentialHistogramDataPoint,
    /// `opentelemetry.proto.metrics.v1.SummaryDataPoint`
    SummaryDataPoint,
    /// `opentelemetry.proto.metrics.v1.Exemplar`
    Exemplar,
    /// `opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint.Buckets`
    ExponentialHistogramDataPointBuckets,
    /// `opentelemetry.proto.metrics.v1.SummaryDataPoint.ValueAtQuantile`
    SummaryDataPointValueAtQuantile,
}

impl MessageId {
    /// Every message, the four requests first.
    pub const ALL: &'static [Self] = &[
        Self::ExportTraceServiceRequest,
        Self::ExportMetricsServiceRequest,
        Self::ExportLogsServiceRequest,
        Self::ExportProfilesServiceRequest,
        Self::ResourceSpans,
        Self::ResourceMetrics,
        Self::ResourceLogs,
        Self::ResourceProfiles,
        Self::ProfilesDictionary,
        Self::Resource,
        Self::ScopeSpans,
        Self::ScopeMetrics,
        Self::ScopeLogs,
        Self::ScopeProfiles,
        Self::Mapping,
        Self::Location,
        Self::Function,
        Self::Link,
        Self::KeyValueAndUnit,
        Self::Stack,
        Self::KeyValue,
        Self::EntityRef,
        Self::InstrumentationScope,
        Self::Span,
        Self::Metric,
        Self::LogRecord,
        Self::Profile,
        Self::Line,
        Self::AnyValue,
        Self::SpanEvent,
        Self::SpanLink,
        Self::Status,
        Self::Gauge,
        Self::Sum,
        Self::Histogram,
        Self::ExponentialHistogram,
        Self::Summary,
        Self::ValueType,
        Self::Sample,
        Self::ArrayValue,
        Self::KeyValueList,
        Self::NumberDataPoint,
        Self::HistogramDataPoint,
        Self::ExponentialHistogramDataPoint,
        Self::SummaryDataPoint,
        Self::Exemplar,
        Self::ExponentialHistogramDataPointBuckets,
        Self::SummaryDataPointValueAtQuantile,
    ];
}

/// An enum type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EnumId {
    /// `SpanKind`
    SpanKind,
    /// `SeverityNumber`
    SeverityNumber,
    /// `StatusCode`
    StatusCode,
    /// `AggregationTemporality`
    AggregationTemporality,
}

pub(super) static MESSAGES: [Message; 48] = [
    Message::new(
        "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
        &EXPORTTRACESERVICEREQUEST,
    ),
    Message::new(
        "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
        &EXPORTMETRICSSERVICEREQUEST,
    ),
    Message::new("opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest", &EXPORTLOGSSERVICEREQUEST),
    Message::new(
        "opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest",
        &EXPORTPROFILESSERVICEREQUEST,
    ),
    Message::new("opentelemetry.proto.trace.v1.ResourceSpans", &RESOURCESPANS),
    Message::new("opentelemetry.proto.metrics.v1.ResourceMetrics", &RESOURCEMETRICS),
    Message::new("opentelemetry.proto.logs.v1.ResourceLogs", &RESOURCELOGS),
    Message::new("opentelemetry.proto.profiles.v1development.ResourceProfiles", &RESOURCEPROFILES),
    Message::new("opentelemetry.proto.profiles.v1development.ProfilesDictionary", &PROFILESDICTIONARY),
    Message::new("opentelemetry.proto.resource.v1.Resource", &RESOURCE),
    Message::new("opentelemetry.proto.trace.v1.ScopeSpans", &SCOPESPANS),
    Message::new("opentelemetry.proto.metrics.v1.ScopeMetrics", &SCOPEMETRICS),
    Message::new("opentelemetry.proto.logs.v1.ScopeLogs", &SCOPELOGS),
    Message::new("opentelemetry.proto.profiles.v1development.ScopeProfiles", &SCOPEPROFILES),
    Message::new("opentelemetry.proto.profiles.v1development.Mapping", &MAPPING),
    Message::new("opentelemetry.proto.profiles.v1development.Location", &LOCATION),
    Message::new("opentelemetry.proto.profiles.v1development.Function", &FUNCTION),
    Message::new("opentelemetry.proto.profiles.v1development.Link", &LINK),
    Message::new("opentelemetry.proto.profiles.v1development.KeyValueAndUnit", &KEYVALUEANDUNIT),
    Message::new("opentelemetry.proto.profiles.v1development.Stack", &STACK),
    Message::new("opentelemetry.proto.common.v1.KeyValue", &KEYVALUE),
    Message::new("opentelemetry.proto.common.v1.EntityRef", &ENTITYREF),
    Message::new("opentelemetry.proto.common.v1.InstrumentationScope", &INSTRUMENTATIONSCOPE),
    Message::new("opentelemetry.proto.trace.v1.Span", &SPAN),
    Message::new("opentelemetry.proto.metrics.v1.Metric", &METRIC),
    Message::new("opentelemetry.proto.logs.v1.LogRecord", &LOGRECORD),
    Message::new("opentelemetry.proto.profiles.v1development.Profile", &PROFILE),
    Message::new("opentelemetry.proto.profiles.v1development.Line", &LINE),
    Message::new("opentelemetry.proto.common.v1.AnyValue", &ANYVALUE),
    Message::new("opentelemetry.proto.trace.v1.Span.Event", &SPANEVENT),
    Message::new("opentelemetry.proto.trace.v1.Span.Link", &SPANLINK),
    Message::new("opentelemetry.proto.trace.v1.Status", &STATUS),
    Message::new("opentelemetry.proto.metrics.v1.Gauge", &GAUGE),
    Message::new("opentelemetry.proto.metrics.v1.Sum", &SUM),
    Message::new("opentelemetry.proto.metrics.v1.Histogram", &HISTOGRAM),
    Message::new("opentelemetry.proto.metrics.v1.ExponentialHistogram", &EXPONENTIALHISTOGRAM),
    Message::new("opentelemetry.proto.metrics.v1.Summary", &SUMMARY),
    Message::new("opentelemetry.proto.profiles.v1development.ValueType", &VALUETYPE),
    Message::new("opentelemetry.proto.profiles.v1development.Sample", &SAMPLE),
    Message::new("opentelemetry.proto.common.v1.ArrayValue", &ARRAYVALUE),
    Message::new("opentelemetry.proto.common.v1.KeyValueList", &KEYVALUELIST),
    Message::new("opentelemetry.proto.metrics.v1.NumberDataPoint", &NUMBERDATAPOINT),
    Message::new("opentelemetry.proto.metrics.v1.HistogramDataPoint", &HISTOGRAMDATAPOINT),
    Message::new(
        "opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint",
        &EXPONENTIALHISTOGRAMDATAPOINT,
    ),
    Message::new("opentelemetry.proto.metrics.v1.SummaryDataPoint", &SUMMARYDATAPOINT),
    Message::new("opentelemetry.proto.metrics.v1.Exemplar", &EXEMPLAR),
    Message::new(
        "opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint.Buckets",
        &EXPONENTIALHISTOGRAMDATAPOINTBUCKETS,
    ),
    Message::new(
        "opentelemetry.proto.metrics.v1.SummaryDataPoint.ValueAtQuantile",
        &SUMMARYDATAPOINTVALUEATQUANTILE,
    ),
];

pub(super) static ENUMS: [Enum; 4] = [
    Enum {
        name: "SpanKind",
        names: &[
            "SPAN_KIND_UNSPECIFIED",
            "SPAN_KIND_INTERNAL",
            "SPAN_KIND_SERVER",
            "SPAN_KIND_CLIENT",
            "SPAN_KIND_PRODUCER",
            "SPAN_KIND_CONSUMER",
        ],
    },
    Enum {
        name: "SeverityNumber",
        names: &[
            "SEVERITY_NUMBER_UNSPECIFIED",
            "SEVERITY_NUMBER_TRACE",
            "SEVERITY_NUMBER_TRACE2",
            "SEVERITY_NUMBER_TRACE3",
            "SEVERITY_NUMBER_TRACE4",
            "SEVERITY_NUMBER_DEBUG",
            "SEVERITY_NUMBER_DEBUG2",
            "SEVERITY_NUMBER_DEBUG3",
            "SEVERITY_NUMBER_DEBUG4",
            "SEVERITY_NUMBER_INFO",
            "SEVERITY_NUMBER_INFO2",
            "SEVERITY_NUMBER_INFO3",
            "SEVERITY_NUMBER_INFO4",
            "SEVERITY_NUMBER_WARN",
            "SEVERITY_NUMBER_WARN2",
            "SEVERITY_NUMBER_WARN3",
            "SEVERITY_NUMBER_WARN4",
            "SEVERITY_NUMBER_ERROR",
            "SEVERITY_NUMBER_ERROR2",
            "SEVERITY_NUMBER_ERROR3",
            "SEVERITY_NUMBER_ERROR4",
            "SEVERITY_NUMBER_FATAL",
            "SEVERITY_NUMBER_FATAL2",
            "SEVERITY_NUMBER_FATAL3",
            "SEVERITY_NUMBER_FATAL4",
        ],
    },
    Enum { name: "StatusCode", names: &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"] },
    Enum {
        name: "AggregationTemporality",
        names: &[
            "AGGREGATION_TEMPORALITY_UNSPECIFIED",
            "AGGREGATION_TEMPORALITY_DELTA",
            "AGGREGATION_TEMPORALITY_CUMULATIVE",
        ],
    },
];

static EXPORTTRACESERVICEREQUEST: [Field; 1] =
    [Field::new(1, "resource_spans", "resourceSpans", Kind::Message(M::ResourceSpans)).repeated()];

static EXPORTMETRICSSERVICEREQUEST: [Field; 1] =
    [Field::new(1, "resource_metrics", "resourceMetrics", Kind::Message(M::ResourceMetrics)).repeated()];

static EXPORTLOGSSERVICEREQUEST: [Field; 1] =
    [Field::new(1, "resource_logs", "resourceLogs", Kind::Message(M::ResourceLogs)).repeated()];

static EXPORTPROFILESSERVICEREQUEST: [Field; 2] = [
    Field::new(1, "resource_profiles", "resourceProfiles", Kind::Message(M::ResourceProfiles)).repeated(),
    Field::new(2, "dictionary", "dictionary", Kind::Message(M::ProfilesDictionary)),
];

static RESOURCESPANS: [Field; 3] = [
    Field::new(1, "resource", "resource", Kind::Message(M::Resource)),
    Field::new(2, "scope_spans", "scopeSpans", Kind::Message(M::ScopeSpans)).repeated(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static RESOURCEMETRICS: [Field; 3] = [
    Field::new(1, "resource", "resource", Kind::Message(M::Resource)),
    Field::new(2, "scope_metrics", "scopeMetrics", Kind::Message(M::ScopeMetrics)).repeated(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static RESOURCELOGS: [Field; 3] = [
    Field::new(1, "resource", "resource", Kind::Message(M::Resource)),
    Field::new(2, "scope_logs", "scopeLogs", Kind::Message(M::ScopeLogs)).repeated(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static RESOURCEPROFILES: [Field; 3] = [
    Field::new(1, "resource", "resource", Kind::Message(M::Resource)),
    Field::new(2, "scope_profiles", "scopeProfiles", Kind::Message(M::ScopeProfiles)).repeated(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static PROFILESDICTIONARY: [Field; 7] = [
    Field::new(1, "mapping_table", "mappingTable", Kind::Message(M::Mapping)).repeated(),
    Field::new(2, "location_table", "locationTable", Kind::Message(M::Location)).repeated(),
    Field::new(3, "function_table", "functionTable", Kind::Message(M::Function)).repeated(),
    Field::new(4, "link_table", "linkTable", Kind::Message(M::Link)).repeated(),
    Field::new(5, "string_table", "stringTable", Kind::Str).repeated(),
    Field::new(6, "attribute_table", "attributeTable", Kind::Message(M::KeyValueAndUnit)).repeated(),
    Field::new(7, "stack_table", "stackTable", Kind::Message(M::Stack)).repeated(),
];

static RESOURCE: [Field; 3] = [
    Field::new(1, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(2, "dropped_attributes_count", "droppedAttributesCount", Kind::Uint32),
    Field::new(3, "entity_refs", "entityRefs", Kind::Message(M::EntityRef)).repeated().newer_than_v1(),
];

static SCOPESPANS: [Field; 3] = [
    Field::new(1, "scope", "scope", Kind::Message(M::InstrumentationScope)),
    Field::new(2, "spans", "spans", Kind::Message(M::Span)).repeated().item(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static SCOPEMETRICS: [Field; 3] = [
    Field::new(1, "scope", "scope", Kind::Message(M::InstrumentationScope)),
    Field::new(2, "metrics", "metrics", Kind::Message(M::Metric)).repeated(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static SCOPELOGS: [Field; 3] = [
    Field::new(1, "scope", "scope", Kind::Message(M::InstrumentationScope)),
    Field::new(2, "log_records", "logRecords", Kind::Message(M::LogRecord)).repeated().item(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static SCOPEPROFILES: [Field; 3] = [
    Field::new(1, "scope", "scope", Kind::Message(M::InstrumentationScope)),
    Field::new(2, "profiles", "profiles", Kind::Message(M::Profile)).repeated().item(),
    Field::new(3, "schema_url", "schemaUrl", Kind::Str),
];

static MAPPING: [Field; 5] = [
    Field::new(1, "memory_start", "memoryStart", Kind::Uint64),
    Field::new(2, "memory_limit", "memoryLimit", Kind::Uint64),
    Field::new(3, "file_offset", "fileOffset", Kind::Uint64),
    Field::new(4, "filename_strindex", "filenameStrindex", Kind::Int32),
    Field::new(5, "attribute_indices", "attributeIndices", Kind::Int32).repeated(),
];

static LOCATION: [Field; 4] = [
    Field::new(1, "mapping_index", "mappingIndex", Kind::Int32),
    Field::new(2, "address", "address", Kind::Uint64),
    Field::new(3, "lines", "lines", Kind::Message(M::Line)).repeated(),
    Field::new(4, "attribute_indices", "attributeIndices", Kind::Int32).repeated(),
];

static FUNCTION: [Field; 4] = [
    Field::new(1, "name_strindex", "nameStrindex", Kind::Int32),
    Field::new(2, "system_name_strindex", "systemNameStrindex", Kind::Int32),
    Field::new(3, "filename_strindex", "filenameStrindex", Kind::Int32),
    Field::new(4, "start_line", "startLine", Kind::Int64),
];

static LINK: [Field; 2] =
    [Field::new(1, "trace_id", "traceId", Kind::Id), Field::new(2, "span_id", "spanId", Kind::Id)];

static KEYVALUEANDUNIT: [Field; 3] = [
    Field::new(1, "key_strindex", "keyStrindex", Kind::Int32),
    Field::new(2, "value", "value", Kind::Message(M::AnyValue)),
    Field::new(3, "unit_strindex", "unitStrindex", Kind::Int32),
];

static STACK: [Field; 1] = [Field::new(1, "location_indices", "locationIndices", Kind::Int32).repeated()];

static KEYVALUE: [Field; 3] = [
    Field::new(1, "key", "key", Kind::Str),
    Field::new(2, "value", "value", Kind::Message(M::AnyValue)),
    Field::new(3, "key_strindex", "keyStrindex", Kind::Int32).newer_than_v1(),
];

static ENTITYREF: [Field; 4] = [
    Field::new(1, "schema_url", "schemaUrl", Kind::Str),
    Field::new(2, "type", "type", Kind::Str),
    Field::new(3, "id_keys", "idKeys", Kind::Str).repeated(),
    Field::new(4, "description_keys", "descriptionKeys", Kind::Str).repeated(),
];

static INSTRUMENTATIONSCOPE: [Field; 4] = [
    Field::new(1, "name", "name", Kind::Str),
    Field::new(2, "version", "version", Kind::Str),
    Field::new(3, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(4, "dropped_attributes_count", "droppedAttributesCount", Kind::Uint32),
];

static SPAN: [Field; 16] = [
    Field::new(1, "trace_id", "traceId", Kind::Id),
    Field::new(2, "span_id", "spanId", Kind::Id),
    Field::new(3, "trace_state", "traceState", Kind::Str),
    Field::new(4, "parent_span_id", "parentSpanId", Kind::Id),
    Field::new(5, "name", "name", Kind::Str),
    Field::new(6, "kind", "kind", Kind::Enum(E::SpanKind)),
    Field::new(7, "start_time_unix_nano", "startTimeUnixNano", Kind::Fixed64),
    Field::new(8, "end_time_unix_nano", "endTimeUnixNano", Kind::Fixed64),
    Field::new(9, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(10, "dropped_attributes_count", "droppedAttributesCount", Kind::Uint32),
    Field::new(11, "events", "events", Kind::Message(M::SpanEvent)).repeated().element(),
    Field::new(12, "dropped_events_count", "droppedEventsCount", Kind::Uint32),
    Field::new(13, "links", "links", Kind::Message(M::SpanLink)).repeated().element(),
    Field::new(14, "dropped_links_count", "droppedLinksCount", Kind::Uint32),
    Field::new(15, "status", "status", Kind::Message(M::Status)),
    Field::new(16, "flags", "flags", Kind::Fixed32).newer_than_v1(),
];

static METRIC: [Field; 9] = [
    Field::new(1, "name", "name", Kind::Str),
    Field::new(2, "description", "description", Kind::Str),
    Field::new(3, "unit", "unit", Kind::Str),
    Field::new(5, "gauge", "gauge", Kind::Message(M::Gauge)).oneof("data"),
    Field::new(7, "sum", "sum", Kind::Message(M::Sum)).oneof("data"),
    Field::new(9, "histogram", "histogram", Kind::Message(M::Histogram)).oneof("data"),
    Field::new(10, "exponential_histogram", "exponentialHistogram", Kind::Message(M::ExponentialHistogram))
        .oneof("data"),
    Field::new(11, "summary", "summary", Kind::Message(M::Summary)).oneof("data"),
    Field::new(12, "metadata", "metadata", Kind::Message(M::KeyValue)).repeated().newer_than_v1(),
];

static LOGRECORD: [Field; 11] = [
    Field::new(1, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(2, "severity_number", "severityNumber", Kind::Enum(E::SeverityNumber)),
    Field::new(3, "severity_text", "severityText", Kind::Str),
    Field::new(5, "body", "body", Kind::Message(M::AnyValue)),
    Field::new(6, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(7, "dropped_attributes_count", "droppedAttributesCount", Kind::Uint32),
    Field::new(8, "flags", "flags", Kind::Fixed32),
    Field::new(9, "trace_id", "traceId", Kind::Id),
    Field::new(10, "span_id", "spanId", Kind::Id),
    Field::new(11, "observed_time_unix_nano", "observedTimeUnixNano", Kind::Fixed64),
    Field::new(12, "event_name", "eventName", Kind::Str).newer_than_v1(),
];

static PROFILE: [Field; 11] = [
    Field::new(1, "sample_type", "sampleType", Kind::Message(M::ValueType)),
    Field::new(2, "samples", "samples", Kind::Message(M::Sample)).repeated(),
    Field::new(3, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(4, "duration_nano", "durationNano", Kind::Uint64),
    Field::new(5, "period_type", "periodType", Kind::Message(M::ValueType)),
    Field::new(6, "period", "period", Kind::Int64),
    Field::new(7, "profile_id", "profileId", Kind::ProfileId),
    Field::new(8, "dropped_attributes_count", "droppedAttributesCount", Kind::Uint32),
    Field::new(9, "original_payload_format", "originalPayloadFormat", Kind::Str),
    Field::new(10, "original_payload", "originalPayload", Kind::Bytes),
    Field::new(11, "attribute_indices", "attributeIndices", Kind::Int32).repeated(),
];

static LINE: [Field; 3] = [
    Field::new(1, "function_index", "functionIndex", Kind::Int32),
    Field::new(2, "line", "line", Kind::Int64),
    Field::new(3, "column", "column", Kind::Int64),
];

static ANYVALUE: [Field; 8] = [
    Field::new(1, "string_value", "stringValue", Kind::Str).oneof("value"),
    Field::new(2, "bool_value", "boolValue", Kind::Bool).oneof("value"),
    Field::new(3, "int_value", "intValue", Kind::Int64).oneof("value"),
    Field::new(4, "double_value", "doubleValue", Kind::Double).oneof("value"),
    Field::new(5, "array_value", "arrayValue", Kind::Message(M::ArrayValue)).oneof("value"),
    Field::new(6, "kvlist_value", "kvlistValue", Kind::Message(M::KeyValueList)).oneof("value"),
    Field::new(7, "bytes_value", "bytesValue", Kind::Bytes).oneof("value"),
    Field::new(8, "string_value_strindex", "stringValueStrindex", Kind::Int32).oneof("value").newer_than_v1(),
];

static SPANEVENT: [Field; 4] = [
    Field::new(1, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(2, "name", "name", Kind::Str),
    Field::new(3, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(4, "dropped_attributes_count", "droppedAttributesCount", Kind::Uint32),
];

static SPANLINK: [Field; 6] = [
    Field::new(1, "trace_id", "traceId", Kind::Id),
    Field::new(2, "span_id", "spanId", Kind::Id),
    Field::new(3, "trace_state", "traceState", Kind::Str),
    Field::new(4, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(5, "dropped_attributes_count", "droppedAttributesCount", Kind::Uint32),
    Field::new(6, "flags", "flags", Kind::Fixed32).newer_than_v1(),
];

static STATUS: [Field; 2] = [
    Field::new(2, "message", "message", Kind::Str),
    Field::new(3, "code", "code", Kind::Enum(E::StatusCode)),
];

static GAUGE: [Field; 1] =
    [Field::new(1, "data_points", "dataPoints", Kind::Message(M::NumberDataPoint)).repeated().item()];

static SUM: [Field; 3] = [
    Field::new(1, "data_points", "dataPoints", Kind::Message(M::NumberDataPoint)).repeated().item(),
    Field::new(2, "aggregation_temporality", "aggregationTemporality", Kind::Enum(E::AggregationTemporality)),
    Field::new(3, "is_monotonic", "isMonotonic", Kind::Bool),
];

static HISTOGRAM: [Field; 2] = [
    Field::new(1, "data_points", "dataPoints", Kind::Message(M::HistogramDataPoint)).repeated().item(),
    Field::new(2, "aggregation_temporality", "aggregationTemporality", Kind::Enum(E::AggregationTemporality)),
];

static EXPONENTIALHISTOGRAM: [Field; 2] = [
    Field::new(1, "data_points", "dataPoints", Kind::Message(M::ExponentialHistogramDataPoint))
        .repeated()
        .item(),
    Field::new(2, "aggregation_temporality", "aggregationTemporality", Kind::Enum(E::AggregationTemporality)),
];

static SUMMARY: [Field; 1] =
    [Field::new(1, "data_points", "dataPoints", Kind::Message(M::SummaryDataPoint)).repeated().item()];

static VALUETYPE: [Field; 2] = [
    Field::new(1, "type_strindex", "typeStrindex", Kind::Int32),
    Field::new(2, "unit_strindex", "unitStrindex", Kind::Int32),
];

static SAMPLE: [Field; 5] = [
    Field::new(1, "stack_index", "stackIndex", Kind::Int32),
    Field::new(2, "attribute_indices", "attributeIndices", Kind::Int32).repeated(),
    Field::new(3, "link_index", "linkIndex", Kind::Int32),
    Field::new(4, "values", "values", Kind::Int64).repeated(),
    Field::new(5, "timestamps_unix_nano", "timestampsUnixNano", Kind::Fixed64).repeated(),
];

static ARRAYVALUE: [Field; 1] = [Field::new(1, "values", "values", Kind::Message(M::AnyValue)).repeated()];

static KEYVALUELIST: [Field; 1] = [Field::new(1, "values", "values", Kind::Message(M::KeyValue)).repeated()];

static NUMBERDATAPOINT: [Field; 7] = [
    Field::new(2, "start_time_unix_nano", "startTimeUnixNano", Kind::Fixed64),
    Field::new(3, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(4, "as_double", "asDouble", Kind::Double).oneof("value"),
    Field::new(5, "exemplars", "exemplars", Kind::Message(M::Exemplar)).repeated().element(),
    Field::new(6, "as_int", "asInt", Kind::Sfixed64).oneof("value"),
    Field::new(7, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(8, "flags", "flags", Kind::Uint32),
];

static HISTOGRAMDATAPOINT: [Field; 11] = [
    Field::new(2, "start_time_unix_nano", "startTimeUnixNano", Kind::Fixed64),
    Field::new(3, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(4, "count", "count", Kind::Fixed64),
    Field::new(5, "sum", "sum", Kind::Double).optional(),
    Field::new(6, "bucket_counts", "bucketCounts", Kind::Fixed64).repeated(),
    Field::new(7, "explicit_bounds", "explicitBounds", Kind::Double).repeated(),
    Field::new(8, "exemplars", "exemplars", Kind::Message(M::Exemplar)).repeated().element(),
    Field::new(9, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(10, "flags", "flags", Kind::Uint32),
    Field::new(11, "min", "min", Kind::Double).optional(),
    Field::new(12, "max", "max", Kind::Double).optional(),
];

static EXPONENTIALHISTOGRAMDATAPOINT: [Field; 14] = [
    Field::new(1, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(2, "start_time_unix_nano", "startTimeUnixNano", Kind::Fixed64),
    Field::new(3, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(4, "count", "count", Kind::Fixed64),
    Field::new(5, "sum", "sum", Kind::Double).optional(),
    Field::new(6, "scale", "scale", Kind::Sint32),
    Field::new(7, "zero_count", "zeroCount", Kind::Fixed64),
    Field::new(8, "positive", "positive", Kind::Message(M::ExponentialHistogramDataPointBuckets)),
    Field::new(9, "negative", "negative", Kind::Message(M::ExponentialHistogramDataPointBuckets)),
    Field::new(10, "flags", "flags", Kind::Uint32),
    Field::new(11, "exemplars", "exemplars", Kind::Message(M::Exemplar)).repeated().element(),
    Field::new(12, "min", "min", Kind::Double).optional(),
    Field::new(13, "max", "max", Kind::Double).optional(),
    Field::new(14, "zero_threshold", "zeroThreshold", Kind::Double),
];

static SUMMARYDATAPOINT: [Field; 7] = [
    Field::new(2, "start_time_unix_nano", "startTimeUnixNano", Kind::Fixed64),
    Field::new(3, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(4, "count", "count", Kind::Fixed64),
    Field::new(5, "sum", "sum", Kind::Double),
    Field::new(6, "quantile_values", "quantileValues", Kind::Message(M::SummaryDataPointValueAtQuantile))
        .repeated(),
    Field::new(7, "attributes", "attributes", Kind::Message(M::KeyValue)).repeated(),
    Field::new(8, "flags", "flags", Kind::Uint32),
];

static EXEMPLAR: [Field; 6] = [
    Field::new(2, "time_unix_nano", "timeUnixNano", Kind::Fixed64),
    Field::new(3, "as_double", "asDouble", Kind::Double).oneof("value"),
    Field::new(4, "span_id", "spanId", Kind::Id),
    Field::new(5, "trace_id", "traceId", Kind::Id),
    Field::new(6, "as_int", "asInt", Kind::Sfixed64).oneof("value"),
    Field::new(7, "filtered_attributes", "filteredAttributes", Kind::Message(M::KeyValue)).repeated(),
];

static EXPONENTIALHISTOGRAMDATAPOINTBUCKETS: [Field; 2] = [
    Field::new(1, "offset", "offset", Kind::Sint32),
    Field::new(2, "bucket_counts", "bucketCounts", Kind::Uint64).repeated(),
];

static SUMMARYDATAPOINTVALUEATQUANTILE: [Field; 2] =
    [Field::new(1, "quantile", "quantile", Kind::Double), Field::new(2, "value", "value", Kind::Double)];
