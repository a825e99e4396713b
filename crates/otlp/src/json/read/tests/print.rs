//! Prints prost's messages as OTLP/JSON in every way a sender may, by hand: it shares no table with the
//! reader.

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    profiles::v1development::ExportProfilesServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, EntityRef, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, SummaryDataPoint, exemplar, exponential_histogram_data_point::Buckets, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::profiles::v1development as profiles;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};

use super::printer::Printer;

pub(super) fn traces(p: &mut Printer, m: &ExportTraceServiceRequest) -> String {
    let members = vec![("resourceSpans", p.list(&m.resource_spans, resource_spans))];
    p.object(members)
}

pub(super) fn metrics(p: &mut Printer, m: &ExportMetricsServiceRequest) -> String {
    let members = vec![("resourceMetrics", p.list(&m.resource_metrics, resource_metrics))];
    p.object(members)
}

pub(super) fn logs(p: &mut Printer, m: &ExportLogsServiceRequest) -> String {
    let members = vec![("resourceLogs", p.list(&m.resource_logs, resource_logs))];
    p.object(members)
}

pub(super) fn profiles(p: &mut Printer, m: &ExportProfilesServiceRequest) -> String {
    let members = vec![
        ("resourceProfiles", p.list(&m.resource_profiles, resource_profiles)),
        ("dictionary", m.dictionary.as_ref().map(|m| dictionary(p, m))),
    ];
    p.object(members)
}

fn any_value(p: &mut Printer, m: &AnyValue) -> String {
    let members = match &m.value {
        None => vec![],
        Some(Value::StringValue(text)) => vec![("stringValue", Some(p.string(text)))],
        Some(Value::BoolValue(value)) => vec![("boolValue", Some(value.to_string()))],
        Some(Value::IntValue(value)) => vec![("intValue", Some(p.whole(*value)))],
        Some(Value::DoubleValue(value)) => vec![("doubleValue", Some(p.real(*value)))],
        Some(Value::ArrayValue(array)) => {
            let members = vec![("values", p.list(&array.values, any_value))];
            vec![("arrayValue", Some(p.object(members)))]
        }
        Some(Value::KvlistValue(list)) => {
            let members = vec![("values", p.list(&list.values, key_value))];
            vec![("kvlistValue", Some(p.object(members)))]
        }
        Some(Value::BytesValue(bytes)) => vec![("bytesValue", Some(p.base64(bytes)))],
        Some(Value::StringValueStrindex(index)) => vec![("stringValueStrindex", Some(p.whole(*index)))],
    };
    p.object(members)
}

fn key_value(p: &mut Printer, m: &KeyValue) -> String {
    let members = vec![
        ("key", p.text(&m.key)),
        ("value", m.value.as_ref().map(|m| any_value(p, m))),
        ("keyStrindex", p.number(m.key_strindex)),
    ];
    p.object(members)
}

fn entity_ref(p: &mut Printer, m: &EntityRef) -> String {
    let members = vec![
        ("schemaUrl", p.text(&m.schema_url)),
        ("type", p.text(&m.r#type)),
        ("idKeys", p.list(&m.id_keys, |p, text| p.string(text))),
        ("descriptionKeys", p.list(&m.description_keys, |p, text| p.string(text))),
    ];
    p.object(members)
}

fn resource(p: &mut Printer, m: &Resource) -> String {
    let members = vec![
        ("attributes", p.list(&m.attributes, key_value)),
        ("droppedAttributesCount", p.number(m.dropped_attributes_count)),
        ("entityRefs", p.list(&m.entity_refs, entity_ref)),
    ];
    p.object(members)
}

fn scope(p: &mut Printer, m: &InstrumentationScope) -> String {
    let members = vec![
        ("name", p.text(&m.name)),
        ("version", p.text(&m.version)),
        ("attributes", p.list(&m.attributes, key_value)),
        ("droppedAttributesCount", p.number(m.dropped_attributes_count)),
    ];
    p.object(members)
}

fn resource_spans(p: &mut Printer, m: &ResourceSpans) -> String {
    let members = vec![
        ("resource", m.resource.as_ref().map(|m| resource(p, m))),
        ("scopeSpans", p.list(&m.scope_spans, scope_spans)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn scope_spans(p: &mut Printer, m: &ScopeSpans) -> String {
    let members = vec![
        ("scope", m.scope.as_ref().map(|m| scope(p, m))),
        ("spans", p.list(&m.spans, span)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn span(p: &mut Printer, m: &Span) -> String {
    let status = m.status.as_ref().map(|m| {
        let members = vec![("message", p.text(&m.message)), ("code", p.number(m.code))];
        p.object(members)
    });
    let members = vec![
        ("traceId", p.hex(&m.trace_id)),
        ("spanId", p.hex(&m.span_id)),
        ("traceState", p.text(&m.trace_state)),
        ("parentSpanId", p.hex(&m.parent_span_id)),
        ("flags", p.number(m.flags)),
        ("name", p.text(&m.name)),
        ("kind", p.number(m.kind)),
        ("startTimeUnixNano", p.number(m.start_time_unix_nano)),
        ("endTimeUnixNano", p.number(m.end_time_unix_nano)),
        ("attributes", p.list(&m.attributes, key_value)),
        ("droppedAttributesCount", p.number(m.dropped_attributes_count)),
        ("events", p.list(&m.events, event)),
        ("droppedEventsCount", p.number(m.dropped_events_count)),
        ("links", p.list(&m.links, link)),
        ("droppedLinksCount", p.number(m.dropped_links_count)),
        ("status", status),
    ];
    p.object(members)
}

fn event(p: &mut Printer, m: &span::Event) -> String {
    let members = vec![
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("name", p.text(&m.name)),
        ("attributes", p.list(&m.attributes, key_value)),
        ("droppedAttributesCount", p.number(m.dropped_attributes_count)),
    ];
    p.object(members)
}

fn link(p: &mut Printer, m: &span::Link) -> String {
    let members = vec![
        ("traceId", p.hex(&m.trace_id)),
        ("spanId", p.hex(&m.span_id)),
        ("traceState", p.text(&m.trace_state)),
        ("attributes", p.list(&m.attributes, key_value)),
        ("droppedAttributesCount", p.number(m.dropped_attributes_count)),
        ("flags", p.number(m.flags)),
    ];
    p.object(members)
}

fn resource_metrics(p: &mut Printer, m: &ResourceMetrics) -> String {
    let members = vec![
        ("resource", m.resource.as_ref().map(|m| resource(p, m))),
        ("scopeMetrics", p.list(&m.scope_metrics, scope_metrics)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn scope_metrics(p: &mut Printer, m: &ScopeMetrics) -> String {
    let members = vec![
        ("scope", m.scope.as_ref().map(|m| scope(p, m))),
        ("metrics", p.list(&m.metrics, metric)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn metric(p: &mut Printer, m: &Metric) -> String {
    let mut members = vec![
        ("name", p.text(&m.name)),
        ("description", p.text(&m.description)),
        ("unit", p.text(&m.unit)),
        ("metadata", p.list(&m.metadata, key_value)),
    ];
    if let Some(data) = &m.data {
        let (name, data) = match data {
            metric::Data::Gauge(m) => ("gauge", vec![("dataPoints", p.list(&m.data_points, number_point))]),
            metric::Data::Sum(m) => (
                "sum",
                vec![
                    ("dataPoints", p.list(&m.data_points, number_point)),
                    ("aggregationTemporality", p.number(m.aggregation_temporality)),
                    ("isMonotonic", p.flag(m.is_monotonic)),
                ],
            ),
            metric::Data::Histogram(m) => (
                "histogram",
                vec![
                    ("dataPoints", p.list(&m.data_points, histogram_point)),
                    ("aggregationTemporality", p.number(m.aggregation_temporality)),
                ],
            ),
            metric::Data::ExponentialHistogram(m) => (
                "exponentialHistogram",
                vec![
                    ("dataPoints", p.list(&m.data_points, exponential_point)),
                    ("aggregationTemporality", p.number(m.aggregation_temporality)),
                ],
            ),
            metric::Data::Summary(m) => {
                ("summary", vec![("dataPoints", p.list(&m.data_points, summary_point))])
            }
        };
        members.push((name, Some(p.object(data))));
    }
    p.object(members)
}

fn number_point(p: &mut Printer, m: &NumberDataPoint) -> String {
    let mut members = vec![
        ("startTimeUnixNano", p.number(m.start_time_unix_nano)),
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("exemplars", p.list(&m.exemplars, exemplar)),
        ("attributes", p.list(&m.attributes, key_value)),
        ("flags", p.number(m.flags)),
    ];
    match m.value {
        None => {}
        Some(number_data_point::Value::AsDouble(value)) => members.push(("asDouble", Some(p.real(value)))),
        Some(number_data_point::Value::AsInt(value)) => members.push(("asInt", Some(p.whole(value)))),
    }
    p.object(members)
}

fn exemplar(p: &mut Printer, m: &Exemplar) -> String {
    let mut members = vec![
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("spanId", p.hex(&m.span_id)),
        ("traceId", p.hex(&m.trace_id)),
        ("filteredAttributes", p.list(&m.filtered_attributes, key_value)),
    ];
    match m.value {
        None => {}
        Some(exemplar::Value::AsDouble(value)) => members.push(("asDouble", Some(p.real(value)))),
        Some(exemplar::Value::AsInt(value)) => members.push(("asInt", Some(p.whole(value)))),
    }
    p.object(members)
}

fn histogram_point(p: &mut Printer, m: &HistogramDataPoint) -> String {
    let members = vec![
        ("startTimeUnixNano", p.number(m.start_time_unix_nano)),
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("count", p.number(m.count)),
        ("sum", p.optional_double(m.sum)),
        ("bucketCounts", p.list(&m.bucket_counts, |p, count| p.whole(*count))),
        ("explicitBounds", p.list(&m.explicit_bounds, |p, bound| p.real(*bound))),
        ("exemplars", p.list(&m.exemplars, exemplar)),
        ("attributes", p.list(&m.attributes, key_value)),
        ("flags", p.number(m.flags)),
        ("min", p.optional_double(m.min)),
        ("max", p.optional_double(m.max)),
    ];
    p.object(members)
}

fn buckets(p: &mut Printer, m: &Buckets) -> String {
    let members = vec![
        ("offset", p.number(m.offset)),
        ("bucketCounts", p.list(&m.bucket_counts, |p, count| p.whole(*count))),
    ];
    p.object(members)
}

fn exponential_point(p: &mut Printer, m: &ExponentialHistogramDataPoint) -> String {
    let members = vec![
        ("attributes", p.list(&m.attributes, key_value)),
        ("startTimeUnixNano", p.number(m.start_time_unix_nano)),
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("count", p.number(m.count)),
        ("sum", p.optional_double(m.sum)),
        ("scale", p.number(m.scale)),
        ("zeroCount", p.number(m.zero_count)),
        ("positive", m.positive.as_ref().map(|m| buckets(p, m))),
        ("negative", m.negative.as_ref().map(|m| buckets(p, m))),
        ("flags", p.number(m.flags)),
        ("exemplars", p.list(&m.exemplars, exemplar)),
        ("min", p.optional_double(m.min)),
        ("max", p.optional_double(m.max)),
        ("zeroThreshold", p.double(m.zero_threshold)),
    ];
    p.object(members)
}

fn summary_point(p: &mut Printer, m: &SummaryDataPoint) -> String {
    let quantiles = p.list(&m.quantile_values, |p, m| {
        let members = vec![("quantile", p.double(m.quantile)), ("value", p.double(m.value))];
        p.object(members)
    });
    let members = vec![
        ("startTimeUnixNano", p.number(m.start_time_unix_nano)),
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("count", p.number(m.count)),
        ("sum", p.double(m.sum)),
        ("quantileValues", quantiles),
        ("attributes", p.list(&m.attributes, key_value)),
        ("flags", p.number(m.flags)),
    ];
    p.object(members)
}

fn resource_logs(p: &mut Printer, m: &ResourceLogs) -> String {
    let members = vec![
        ("resource", m.resource.as_ref().map(|m| resource(p, m))),
        ("scopeLogs", p.list(&m.scope_logs, scope_logs)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn scope_logs(p: &mut Printer, m: &ScopeLogs) -> String {
    let members = vec![
        ("scope", m.scope.as_ref().map(|m| scope(p, m))),
        ("logRecords", p.list(&m.log_records, log_record)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn log_record(p: &mut Printer, m: &LogRecord) -> String {
    let members = vec![
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("observedTimeUnixNano", p.number(m.observed_time_unix_nano)),
        ("severityNumber", p.number(m.severity_number)),
        ("severityText", p.text(&m.severity_text)),
        ("body", m.body.as_ref().map(|m| any_value(p, m))),
        ("attributes", p.list(&m.attributes, key_value)),
        ("droppedAttributesCount", p.number(m.dropped_attributes_count)),
        ("flags", p.number(m.flags)),
        ("traceId", p.hex(&m.trace_id)),
        ("spanId", p.hex(&m.span_id)),
        ("eventName", p.text(&m.event_name)),
    ];
    p.object(members)
}

fn resource_profiles(p: &mut Printer, m: &profiles::ResourceProfiles) -> String {
    let members = vec![
        ("resource", m.resource.as_ref().map(|m| resource(p, m))),
        ("scopeProfiles", p.list(&m.scope_profiles, scope_profiles)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn scope_profiles(p: &mut Printer, m: &profiles::ScopeProfiles) -> String {
    let members = vec![
        ("scope", m.scope.as_ref().map(|m| scope(p, m))),
        ("profiles", p.list(&m.profiles, profile)),
        ("schemaUrl", p.text(&m.schema_url)),
    ];
    p.object(members)
}

fn indices(p: &mut Printer, all: &[i32]) -> Option<String> {
    p.list(all, |p, index| p.whole(*index))
}

fn value_type(p: &mut Printer, m: &profiles::ValueType) -> String {
    let members =
        vec![("typeStrindex", p.number(m.type_strindex)), ("unitStrindex", p.number(m.unit_strindex))];
    p.object(members)
}

fn profile(p: &mut Printer, m: &profiles::Profile) -> String {
    let id =
        if m.profile_id.len() == 16 && p.rng.bool() { p.hex(&m.profile_id) } else { p.bytes(&m.profile_id) };
    let members = vec![
        ("sampleType", m.sample_type.as_ref().map(|m| value_type(p, m))),
        ("samples", p.list(&m.samples, sample)),
        ("timeUnixNano", p.number(m.time_unix_nano)),
        ("durationNano", p.number(m.duration_nano)),
        ("periodType", m.period_type.as_ref().map(|m| value_type(p, m))),
        ("period", p.number(m.period)),
        ("profileId", id),
        ("droppedAttributesCount", p.number(m.dropped_attributes_count)),
        ("originalPayloadFormat", p.text(&m.original_payload_format)),
        ("originalPayload", p.bytes(&m.original_payload)),
        ("attributeIndices", indices(p, &m.attribute_indices)),
    ];
    p.object(members)
}

fn sample(p: &mut Printer, m: &profiles::Sample) -> String {
    let members = vec![
        ("stackIndex", p.number(m.stack_index)),
        ("values", p.list(&m.values, |p, value| p.whole(*value))),
        ("attributeIndices", indices(p, &m.attribute_indices)),
        ("linkIndex", p.number(m.link_index)),
        ("timestampsUnixNano", p.list(&m.timestamps_unix_nano, |p, time| p.whole(*time))),
    ];
    p.object(members)
}

fn dictionary(p: &mut Printer, m: &profiles::ProfilesDictionary) -> String {
    let links = p.list(&m.link_table, |p, m| {
        let members = vec![("traceId", p.hex(&m.trace_id)), ("spanId", p.hex(&m.span_id))];
        p.object(members)
    });
    let stacks = p.list(&m.stack_table, |p, m| {
        let members = vec![("locationIndices", indices(p, &m.location_indices))];
        p.object(members)
    });
    let members = vec![
        ("mappingTable", p.list(&m.mapping_table, mapping)),
        ("locationTable", p.list(&m.location_table, location)),
        ("functionTable", p.list(&m.function_table, function)),
        ("linkTable", links),
        ("stringTable", p.list(&m.string_table, |p, text| p.string(text))),
        ("attributeTable", p.list(&m.attribute_table, attribute)),
        ("stackTable", stacks),
    ];
    p.object(members)
}

fn mapping(p: &mut Printer, m: &profiles::Mapping) -> String {
    let members = vec![
        ("memoryStart", p.number(m.memory_start)),
        ("memoryLimit", p.number(m.memory_limit)),
        ("fileOffset", p.number(m.file_offset)),
        ("filenameStrindex", p.number(m.filename_strindex)),
        ("attributeIndices", indices(p, &m.attribute_indices)),
    ];
    p.object(members)
}

fn location(p: &mut Printer, m: &profiles::Location) -> String {
    let lines = p.list(&m.lines, |p, m| {
        let members = vec![
            ("functionIndex", p.number(m.function_index)),
            ("line", p.number(m.line)),
            ("column", p.number(m.column)),
        ];
        p.object(members)
    });
    let members = vec![
        ("mappingIndex", p.number(m.mapping_index)),
        ("address", p.number(m.address)),
        ("lines", lines),
        ("attributeIndices", indices(p, &m.attribute_indices)),
    ];
    p.object(members)
}

fn function(p: &mut Printer, m: &profiles::Function) -> String {
    let members = vec![
        ("nameStrindex", p.number(m.name_strindex)),
        ("systemNameStrindex", p.number(m.system_name_strindex)),
        ("filenameStrindex", p.number(m.filename_strindex)),
        ("startLine", p.number(m.start_line)),
    ];
    p.object(members)
}

fn attribute(p: &mut Printer, m: &profiles::KeyValueAndUnit) -> String {
    let members = vec![
        ("keyStrindex", p.number(m.key_strindex)),
        ("value", m.value.as_ref().map(|m| any_value(p, m))),
        ("unitStrindex", p.number(m.unit_strindex)),
    ];
    p.object(members)
}
