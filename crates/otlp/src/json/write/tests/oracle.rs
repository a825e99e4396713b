//! A second opinion on the `json` record format: a plain walk over prost's types, written from the
//! format's rules alone, sharing no table and no code with the writer.

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    profiles::v1development::ExportProfilesServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::profiles::v1development as profiles;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use prost::Message;
use serde_json::{Map, Value, json};

use crate::signal::Signal;

/// The JSON of `wire`, or nothing where prost refuses it.
pub(super) fn print(signal: Signal, wire: &[u8]) -> Option<Value> {
    Some(match signal {
        Signal::Traces => traces_request(&ExportTraceServiceRequest::decode(wire).ok()?),
        Signal::Metrics => metrics_request(&ExportMetricsServiceRequest::decode(wire).ok()?),
        Signal::Logs => logs_request(&ExportLogsServiceRequest::decode(wire).ok()?),
        Signal::Profiles => profiles_request(&ExportProfilesServiceRequest::decode(wire).ok()?),
    })
}

/// An object under construction.
struct Fields(Map<String, Value>);

impl Fields {
    fn new() -> Self {
        Self(Map::new())
    }
    fn put(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }
    /// A message or scalar with presence.
    fn set<T>(self, name: &str, value: Option<T>, print: impl FnOnce(T) -> Value) -> Self {
        match value {
            Some(value) => self.put(name, print(value)),
            None => self,
        }
    }
    /// A field added after version 1.0.0 of the .proto files.
    fn newer<T: Default + PartialEq + Into<Value>>(self, name: &str, value: T) -> Self {
        if value == T::default() { self } else { self.put(name, value) }
    }
    fn list<'a, T: 'a>(self, name: &str, all: &'a [T], print: impl Fn(&'a T) -> Value) -> Self {
        self.put(name, all.iter().map(print).collect::<Vec<_>>())
    }
    fn end(self) -> Value {
        Value::Object(self.0)
    }
}

fn long(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

fn double(value: f64) -> Value {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

fn base64(bytes: &[u8]) -> Value {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut bits = 0_usize;
        for i in 0..3 {
            bits = bits << 8 | usize::from(group.get(i).copied().unwrap_or(0));
        }
        for i in 0..4 {
            let digit = alphabet[bits >> (18 - 6 * i) & 63];
            text.push(if i <= group.len() { digit } else { '=' });
        }
    }
    Value::String(text)
}

fn name_or_number(name: Option<&str>, number: i32) -> Value {
    name.map_or_else(|| json!(number), |name| json!(name))
}

fn traces_request(m: &ExportTraceServiceRequest) -> Value {
    Fields::new().list("resource_spans", &m.resource_spans, resource_spans).end()
}

fn metrics_request(m: &ExportMetricsServiceRequest) -> Value {
    Fields::new().list("resource_metrics", &m.resource_metrics, resource_metrics).end()
}

fn logs_request(m: &ExportLogsServiceRequest) -> Value {
    Fields::new().list("resource_logs", &m.resource_logs, resource_logs).end()
}

fn profiles_request(m: &ExportProfilesServiceRequest) -> Value {
    Fields::new()
        .list("resource_profiles", &m.resource_profiles, resource_profiles)
        .set("dictionary", m.dictionary.as_ref(), dictionary)
        .end()
}

fn any_value(m: &common::AnyValue) -> Value {
    use common::any_value::Value as V;
    let fields = Fields::new();
    match &m.value {
        None => fields,
        Some(V::StringValue(v)) => fields.put("string_value", v.as_str()),
        Some(V::BoolValue(v)) => fields.put("bool_value", *v),
        Some(V::IntValue(v)) => fields.put("int_value", long(v)),
        Some(V::DoubleValue(v)) => fields.put("double_value", double(*v)),
        Some(V::ArrayValue(v)) => {
            fields.put("array_value", Fields::new().list("values", &v.values, any_value).end())
        }
        Some(V::KvlistValue(v)) => {
            fields.put("kvlist_value", Fields::new().list("values", &v.values, key_value).end())
        }
        Some(V::BytesValue(v)) => fields.put("bytes_value", base64(v)),
        Some(V::StringValueStrindex(v)) => fields.put("string_value_strindex", *v),
    }
    .end()
}

fn key_value(m: &common::KeyValue) -> Value {
    Fields::new()
        .put("key", m.key.as_str())
        .set("value", m.value.as_ref(), any_value)
        .newer("key_strindex", m.key_strindex)
        .end()
}

fn scope(m: &common::InstrumentationScope) -> Value {
    Fields::new()
        .put("name", m.name.as_str())
        .put("version", m.version.as_str())
        .list("attributes", &m.attributes, key_value)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .end()
}

fn entity_ref(m: &common::EntityRef) -> Value {
    Fields::new()
        .put("schema_url", m.schema_url.as_str())
        .put("type", m.r#type.as_str())
        .put("id_keys", m.id_keys.clone())
        .put("description_keys", m.description_keys.clone())
        .end()
}

fn resource(m: &resource::Resource) -> Value {
    let fields = Fields::new()
        .list("attributes", &m.attributes, key_value)
        .put("dropped_attributes_count", m.dropped_attributes_count);
    if m.entity_refs.is_empty() {
        return fields.end();
    }
    fields.list("entity_refs", &m.entity_refs, entity_ref).end()
}

fn resource_spans(m: &trace::ResourceSpans) -> Value {
    Fields::new()
        .set("resource", m.resource.as_ref(), resource)
        .list("scope_spans", &m.scope_spans, |s| {
            Fields::new()
                .set("scope", s.scope.as_ref(), scope)
                .list("spans", &s.spans, span)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn span(m: &trace::Span) -> Value {
    let kind = trace::span::SpanKind::try_from(m.kind).ok();
    Fields::new()
        .put("trace_id", base64(&m.trace_id))
        .put("span_id", base64(&m.span_id))
        .put("trace_state", m.trace_state.as_str())
        .put("parent_span_id", base64(&m.parent_span_id))
        .newer("flags", m.flags)
        .put("name", m.name.as_str())
        .put("kind", name_or_number(kind.map(|k| k.as_str_name()), m.kind))
        .put("start_time_unix_nano", long(m.start_time_unix_nano))
        .put("end_time_unix_nano", long(m.end_time_unix_nano))
        .list("attributes", &m.attributes, key_value)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .list("events", &m.events, event)
        .put("dropped_events_count", m.dropped_events_count)
        .list("links", &m.links, link)
        .put("dropped_links_count", m.dropped_links_count)
        .set("status", m.status.as_ref(), |s| {
            let code = trace::status::StatusCode::try_from(s.code).ok();
            Fields::new()
                .put("message", s.message.as_str())
                .put("code", name_or_number(code.map(|c| c.as_str_name()), s.code))
                .end()
        })
        .end()
}

fn event(m: &trace::span::Event) -> Value {
    Fields::new()
        .put("time_unix_nano", long(m.time_unix_nano))
        .put("name", m.name.as_str())
        .list("attributes", &m.attributes, key_value)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .end()
}

fn link(m: &trace::span::Link) -> Value {
    Fields::new()
        .put("trace_id", base64(&m.trace_id))
        .put("span_id", base64(&m.span_id))
        .put("trace_state", m.trace_state.as_str())
        .list("attributes", &m.attributes, key_value)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .newer("flags", m.flags)
        .end()
}

fn resource_metrics(m: &metrics::ResourceMetrics) -> Value {
    Fields::new()
        .set("resource", m.resource.as_ref(), resource)
        .list("scope_metrics", &m.scope_metrics, |s| {
            Fields::new()
                .set("scope", s.scope.as_ref(), scope)
                .list("metrics", &s.metrics, metric)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn temporality(number: i32) -> Value {
    let name = metrics::AggregationTemporality::try_from(number).ok();
    name_or_number(name.map(|n| n.as_str_name()), number)
}

fn metric(m: &metrics::Metric) -> Value {
    use metrics::metric::Data;
    let mut fields = Fields::new()
        .put("name", m.name.as_str())
        .put("description", m.description.as_str())
        .put("unit", m.unit.as_str());
    if !m.metadata.is_empty() {
        fields = fields.list("metadata", &m.metadata, key_value);
    }
    let points = Fields::new();
    match &m.data {
        None => fields,
        Some(Data::Gauge(d)) => {
            fields.put("gauge", points.list("data_points", &d.data_points, number_point).end())
        }
        Some(Data::Sum(d)) => fields.put(
            "sum",
            points
                .list("data_points", &d.data_points, number_point)
                .put("aggregation_temporality", temporality(d.aggregation_temporality))
                .put("is_monotonic", d.is_monotonic)
                .end(),
        ),
        Some(Data::Histogram(d)) => fields.put(
            "histogram",
            points
                .list("data_points", &d.data_points, histogram_point)
                .put("aggregation_temporality", temporality(d.aggregation_temporality))
                .end(),
        ),
        Some(Data::ExponentialHistogram(d)) => fields.put(
            "exponential_histogram",
            points
                .list("data_points", &d.data_points, exponential_point)
                .put("aggregation_temporality", temporality(d.aggregation_temporality))
                .end(),
        ),
        Some(Data::Summary(d)) => {
            fields.put("summary", points.list("data_points", &d.data_points, summary_point).end())
        }
    }
    .end()
}

fn number_point(m: &metrics::NumberDataPoint) -> Value {
    use metrics::number_data_point::Value as V;
    let fields = Fields::new()
        .list("attributes", &m.attributes, key_value)
        .put("start_time_unix_nano", long(m.start_time_unix_nano))
        .put("time_unix_nano", long(m.time_unix_nano))
        .list("exemplars", &m.exemplars, exemplar)
        .put("flags", m.flags);
    match m.value {
        None => fields,
        Some(V::AsDouble(v)) => fields.put("as_double", double(v)),
        Some(V::AsInt(v)) => fields.put("as_int", long(v)),
    }
    .end()
}

fn exemplar(m: &metrics::Exemplar) -> Value {
    use metrics::exemplar::Value as V;
    let fields = Fields::new()
        .list("filtered_attributes", &m.filtered_attributes, key_value)
        .put("time_unix_nano", long(m.time_unix_nano))
        .put("span_id", base64(&m.span_id))
        .put("trace_id", base64(&m.trace_id));
    match m.value {
        None => fields,
        Some(V::AsDouble(v)) => fields.put("as_double", double(v)),
        Some(V::AsInt(v)) => fields.put("as_int", long(v)),
    }
    .end()
}

fn histogram_point(m: &metrics::HistogramDataPoint) -> Value {
    Fields::new()
        .list("attributes", &m.attributes, key_value)
        .put("start_time_unix_nano", long(m.start_time_unix_nano))
        .put("time_unix_nano", long(m.time_unix_nano))
        .put("count", long(m.count))
        .set("sum", m.sum, double)
        .list("bucket_counts", &m.bucket_counts, long)
        .list("explicit_bounds", &m.explicit_bounds, |&b| double(b))
        .list("exemplars", &m.exemplars, exemplar)
        .put("flags", m.flags)
        .set("min", m.min, double)
        .set("max", m.max, double)
        .end()
}

fn exponential_point(m: &metrics::ExponentialHistogramDataPoint) -> Value {
    let buckets = |b: &metrics::exponential_histogram_data_point::Buckets| {
        Fields::new().put("offset", b.offset).list("bucket_counts", &b.bucket_counts, long).end()
    };
    Fields::new()
        .list("attributes", &m.attributes, key_value)
        .put("start_time_unix_nano", long(m.start_time_unix_nano))
        .put("time_unix_nano", long(m.time_unix_nano))
        .put("count", long(m.count))
        .set("sum", m.sum, double)
        .put("scale", m.scale)
        .put("zero_count", long(m.zero_count))
        .set("positive", m.positive.as_ref(), buckets)
        .set("negative", m.negative.as_ref(), buckets)
        .put("flags", m.flags)
        .list("exemplars", &m.exemplars, exemplar)
        .set("min", m.min, double)
        .set("max", m.max, double)
        .put("zero_threshold", double(m.zero_threshold))
        .end()
}

fn summary_point(m: &metrics::SummaryDataPoint) -> Value {
    Fields::new()
        .list("attributes", &m.attributes, key_value)
        .put("start_time_unix_nano", long(m.start_time_unix_nano))
        .put("time_unix_nano", long(m.time_unix_nano))
        .put("count", long(m.count))
        .put("sum", double(m.sum))
        .list("quantile_values", &m.quantile_values, |q| {
            Fields::new().put("quantile", double(q.quantile)).put("value", double(q.value)).end()
        })
        .put("flags", m.flags)
        .end()
}

fn resource_logs(m: &logs::ResourceLogs) -> Value {
    Fields::new()
        .set("resource", m.resource.as_ref(), resource)
        .list("scope_logs", &m.scope_logs, |s| {
            Fields::new()
                .set("scope", s.scope.as_ref(), scope)
                .list("log_records", &s.log_records, log_record)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn log_record(m: &logs::LogRecord) -> Value {
    let severity = logs::SeverityNumber::try_from(m.severity_number).ok();
    Fields::new()
        .put("time_unix_nano", long(m.time_unix_nano))
        .put("observed_time_unix_nano", long(m.observed_time_unix_nano))
        .put("severity_number", name_or_number(severity.map(|s| s.as_str_name()), m.severity_number))
        .put("severity_text", m.severity_text.as_str())
        .set("body", m.body.as_ref(), any_value)
        .list("attributes", &m.attributes, key_value)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .put("flags", m.flags)
        .put("trace_id", base64(&m.trace_id))
        .put("span_id", base64(&m.span_id))
        .newer("event_name", m.event_name.clone())
        .end()
}

fn resource_profiles(m: &profiles::ResourceProfiles) -> Value {
    Fields::new()
        .set("resource", m.resource.as_ref(), resource)
        .list("scope_profiles", &m.scope_profiles, |s| {
            Fields::new()
                .set("scope", s.scope.as_ref(), scope)
                .list("profiles", &s.profiles, profile)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn value_type(m: &profiles::ValueType) -> Value {
    Fields::new().put("type_strindex", m.type_strindex).put("unit_strindex", m.unit_strindex).end()
}

fn profile(m: &profiles::Profile) -> Value {
    Fields::new()
        .set("sample_type", m.sample_type.as_ref(), value_type)
        .list("samples", &m.samples, |s| {
            Fields::new()
                .put("stack_index", s.stack_index)
                .put("attribute_indices", s.attribute_indices.clone())
                .put("link_index", s.link_index)
                .list("values", &s.values, long)
                .list("timestamps_unix_nano", &s.timestamps_unix_nano, long)
                .end()
        })
        .put("time_unix_nano", long(m.time_unix_nano))
        .put("duration_nano", long(m.duration_nano))
        .set("period_type", m.period_type.as_ref(), value_type)
        .put("period", long(m.period))
        .put("profile_id", base64(&m.profile_id))
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .put("original_payload_format", m.original_payload_format.as_str())
        .put("original_payload", base64(&m.original_payload))
        .put("attribute_indices", m.attribute_indices.clone())
        .end()
}

fn dictionary(m: &profiles::ProfilesDictionary) -> Value {
    Fields::new()
        .list("mapping_table", &m.mapping_table, mapping)
        .list("location_table", &m.location_table, location)
        .list("function_table", &m.function_table, |f| {
            Fields::new()
                .put("name_strindex", f.name_strindex)
                .put("system_name_strindex", f.system_name_strindex)
                .put("filename_strindex", f.filename_strindex)
                .put("start_line", long(f.start_line))
                .end()
        })
        .list("link_table", &m.link_table, |l| {
            let (trace_id, span_id) = (base64(&l.trace_id), base64(&l.span_id));
            Fields::new().put("trace_id", trace_id).put("span_id", span_id).end()
        })
        .put("string_table", m.string_table.clone())
        .list("attribute_table", &m.attribute_table, |a| {
            Fields::new()
                .put("key_strindex", a.key_strindex)
                .set("value", a.value.as_ref(), any_value)
                .put("unit_strindex", a.unit_strindex)
                .end()
        })
        .list("stack_table", &m.stack_table, |s| {
            Fields::new().put("location_indices", s.location_indices.clone()).end()
        })
        .end()
}

fn mapping(m: &profiles::Mapping) -> Value {
    Fields::new()
        .put("memory_start", long(m.memory_start))
        .put("memory_limit", long(m.memory_limit))
        .put("file_offset", long(m.file_offset))
        .put("filename_strindex", m.filename_strindex)
        .put("attribute_indices", m.attribute_indices.clone())
        .end()
}

fn location(m: &profiles::Location) -> Value {
    Fields::new()
        .put("mapping_index", m.mapping_index)
        .put("address", long(m.address))
        .list("lines", &m.lines, |l| {
            Fields::new()
                .put("function_index", l.function_index)
                .put("line", long(l.line))
                .put("column", long(l.column))
                .end()
        })
        .put("attribute_indices", m.attribute_indices.clone())
        .end()
}
