//! A second opinion on what the JSON of records is: a plain walk over prost's types, written from the formats' rules alone,
//! sharing no table and no code with the writers.

mod profiles;

use opentelemetry_proto::tonic::collector::{
    logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
    profiles::v1development::ExportProfilesServiceRequest, trace::v1::ExportTraceServiceRequest,
};
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::logs::v1 as logs;
use opentelemetry_proto::tonic::metrics::v1 as metrics;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as trace;
use prost::Message;
use serde_json::{Map, Value, json};

use crate::json::Style;
use crate::signal::Signal;

/// The JSON of `wire`, or nothing where prost refuses it.
pub fn print(style: Style, signal: Signal, wire: &[u8]) -> Option<Value> {
    match style {
        Style::Json => print_styled::<false>(signal, wire),
        Style::OtlpJson => print_styled::<true>(signal, wire),
    }
}

fn print_styled<const OTLP: bool>(signal: Signal, wire: &[u8]) -> Option<Value> {
    Some(match signal {
        Signal::Traces => traces_request::<OTLP>(&ExportTraceServiceRequest::decode(wire).ok()?),
        Signal::Metrics => metrics_request::<OTLP>(&ExportMetricsServiceRequest::decode(wire).ok()?),
        Signal::Logs => logs_request::<OTLP>(&ExportLogsServiceRequest::decode(wire).ok()?),
        Signal::Profiles => profiles_request::<OTLP>(&ExportProfilesServiceRequest::decode(wire).ok()?),
    })
}

/// An object under construction.
struct Fields<const OTLP: bool>(Map<String, Value>);

impl<const OTLP: bool> Fields<OTLP> {
    fn new() -> Self {
        Self(Map::new())
    }
    /// A field with presence that is set.
    fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        let name = if OTLP { camel_case(name) } else { name.to_owned() };
        self.0.insert(name, value.into());
        self
    }
    /// A field without presence.
    fn put<T: Default + PartialEq + Into<Value>>(self, name: &str, value: T) -> Self {
        if OTLP && value == T::default() { self } else { self.member(name, value) }
    }
    fn long<T: Default + PartialEq + ToString>(self, name: &str, value: T) -> Self {
        if OTLP && value == T::default() { self } else { self.member(name, long(value)) }
    }
    fn double(self, name: &str, value: f64) -> Self {
        if OTLP && value.to_bits() == 0 { self } else { self.member(name, double(value)) }
    }
    fn bytes(self, name: &str, value: &[u8], print: impl FnOnce(&[u8]) -> Value) -> Self {
        if OTLP && value.is_empty() { self } else { self.member(name, print(value)) }
    }
    fn code(self, name: &str, code: Option<&str>, number: i32) -> Self {
        match code {
            Some(code) if !OTLP => self.member(name, code),
            _ => self.put(name, number),
        }
    }
    /// A message or scalar with presence.
    fn set<T>(self, name: &str, value: Option<T>, print: impl FnOnce(T) -> Value) -> Self {
        match value {
            Some(value) => self.member(name, print(value)),
            None => self,
        }
    }
    /// A field added after version 1.0.0 of the .proto files.
    fn newer<T: Default + PartialEq + Into<Value>>(self, name: &str, value: T) -> Self {
        if value == T::default() { self } else { self.member(name, value) }
    }
    fn list<'a, T: 'a>(self, name: &str, all: &'a [T], print: impl Fn(&'a T) -> Value) -> Self {
        if OTLP && all.is_empty() {
            return self;
        }
        self.member(name, all.iter().map(print).collect::<Vec<_>>())
    }
    fn end(self) -> Value {
        Value::Object(self.0)
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_uppercase());
        camel.push_str(rest);
    }
    camel
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

fn hex(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn id<const OTLP: bool>(bytes: &[u8]) -> Value {
    if OTLP { hex(bytes) } else { base64(bytes) }
}

fn profile_id<const OTLP: bool>(bytes: &[u8]) -> Value {
    if OTLP && bytes.len() == 16 { hex(bytes) } else { base64(bytes) }
}

fn traces_request<const OTLP: bool>(m: &ExportTraceServiceRequest) -> Value {
    Fields::<OTLP>::new().list("resource_spans", &m.resource_spans, resource_spans::<OTLP>).end()
}

fn metrics_request<const OTLP: bool>(m: &ExportMetricsServiceRequest) -> Value {
    Fields::<OTLP>::new().list("resource_metrics", &m.resource_metrics, resource_metrics::<OTLP>).end()
}

fn logs_request<const OTLP: bool>(m: &ExportLogsServiceRequest) -> Value {
    Fields::<OTLP>::new().list("resource_logs", &m.resource_logs, resource_logs::<OTLP>).end()
}

fn profiles_request<const OTLP: bool>(m: &ExportProfilesServiceRequest) -> Value {
    Fields::<OTLP>::new()
        .list("resource_profiles", &m.resource_profiles, profiles::resource_profiles::<OTLP>)
        .set("dictionary", m.dictionary.as_ref(), profiles::dictionary::<OTLP>)
        .end()
}

fn any_value<const OTLP: bool>(m: &common::AnyValue) -> Value {
    use common::any_value::Value as V;
    let fields = Fields::<OTLP>::new();
    match &m.value {
        None => fields,
        Some(V::StringValue(v)) => fields.member("string_value", v.as_str()),
        Some(V::BoolValue(v)) => fields.member("bool_value", *v),
        Some(V::IntValue(v)) => fields.member("int_value", long(v)),
        Some(V::DoubleValue(v)) => fields.member("double_value", double(*v)),
        Some(V::ArrayValue(v)) => fields
            .member("array_value", Fields::<OTLP>::new().list("values", &v.values, any_value::<OTLP>).end()),
        Some(V::KvlistValue(v)) => fields
            .member("kvlist_value", Fields::<OTLP>::new().list("values", &v.values, key_value::<OTLP>).end()),
        Some(V::BytesValue(v)) => fields.member("bytes_value", base64(v)),
        Some(V::StringValueStrindex(v)) => fields.member("string_value_strindex", *v),
    }
    .end()
}

fn key_value<const OTLP: bool>(m: &common::KeyValue) -> Value {
    Fields::<OTLP>::new()
        .put("key", m.key.as_str())
        .set("value", m.value.as_ref(), any_value::<OTLP>)
        .newer("key_strindex", m.key_strindex)
        .end()
}

fn scope<const OTLP: bool>(m: &common::InstrumentationScope) -> Value {
    Fields::<OTLP>::new()
        .put("name", m.name.as_str())
        .put("version", m.version.as_str())
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .end()
}

fn entity_ref<const OTLP: bool>(m: &common::EntityRef) -> Value {
    Fields::<OTLP>::new()
        .put("schema_url", m.schema_url.as_str())
        .put("type", m.r#type.as_str())
        .put("id_keys", m.id_keys.clone())
        .put("description_keys", m.description_keys.clone())
        .end()
}

fn resource<const OTLP: bool>(m: &resource::Resource) -> Value {
    let fields = Fields::<OTLP>::new()
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .put("dropped_attributes_count", m.dropped_attributes_count);
    if m.entity_refs.is_empty() {
        return fields.end();
    }
    fields.list("entity_refs", &m.entity_refs, entity_ref::<OTLP>).end()
}

fn resource_spans<const OTLP: bool>(m: &trace::ResourceSpans) -> Value {
    Fields::<OTLP>::new()
        .set("resource", m.resource.as_ref(), resource::<OTLP>)
        .list("scope_spans", &m.scope_spans, |s| {
            Fields::<OTLP>::new()
                .set("scope", s.scope.as_ref(), scope::<OTLP>)
                .list("spans", &s.spans, span::<OTLP>)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn span<const OTLP: bool>(m: &trace::Span) -> Value {
    let kind = trace::span::SpanKind::try_from(m.kind).ok();
    Fields::<OTLP>::new()
        .bytes("trace_id", &m.trace_id, id::<OTLP>)
        .bytes("span_id", &m.span_id, id::<OTLP>)
        .put("trace_state", m.trace_state.as_str())
        .bytes("parent_span_id", &m.parent_span_id, id::<OTLP>)
        .newer("flags", m.flags)
        .put("name", m.name.as_str())
        .code("kind", kind.map(|k| k.as_str_name()), m.kind)
        .long("start_time_unix_nano", m.start_time_unix_nano)
        .long("end_time_unix_nano", m.end_time_unix_nano)
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .list("events", &m.events, event::<OTLP>)
        .put("dropped_events_count", m.dropped_events_count)
        .list("links", &m.links, link::<OTLP>)
        .put("dropped_links_count", m.dropped_links_count)
        .set("status", m.status.as_ref(), |s| {
            let code = trace::status::StatusCode::try_from(s.code).ok();
            Fields::<OTLP>::new()
                .put("message", s.message.as_str())
                .code("code", code.map(|c| c.as_str_name()), s.code)
                .end()
        })
        .end()
}

fn event<const OTLP: bool>(m: &trace::span::Event) -> Value {
    Fields::<OTLP>::new()
        .long("time_unix_nano", m.time_unix_nano)
        .put("name", m.name.as_str())
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .end()
}

fn link<const OTLP: bool>(m: &trace::span::Link) -> Value {
    Fields::<OTLP>::new()
        .bytes("trace_id", &m.trace_id, id::<OTLP>)
        .bytes("span_id", &m.span_id, id::<OTLP>)
        .put("trace_state", m.trace_state.as_str())
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .newer("flags", m.flags)
        .end()
}

fn resource_metrics<const OTLP: bool>(m: &metrics::ResourceMetrics) -> Value {
    Fields::<OTLP>::new()
        .set("resource", m.resource.as_ref(), resource::<OTLP>)
        .list("scope_metrics", &m.scope_metrics, |s| {
            Fields::<OTLP>::new()
                .set("scope", s.scope.as_ref(), scope::<OTLP>)
                .list("metrics", &s.metrics, metric::<OTLP>)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn temporality(number: i32) -> Option<&'static str> {
    metrics::AggregationTemporality::try_from(number).ok().map(|n| n.as_str_name())
}

fn metric<const OTLP: bool>(m: &metrics::Metric) -> Value {
    use metrics::metric::Data;
    let mut fields = Fields::<OTLP>::new()
        .put("name", m.name.as_str())
        .put("description", m.description.as_str())
        .put("unit", m.unit.as_str());
    if !m.metadata.is_empty() {
        fields = fields.list("metadata", &m.metadata, key_value::<OTLP>);
    }
    let points = Fields::<OTLP>::new();
    match &m.data {
        None => fields,
        Some(Data::Gauge(d)) => {
            fields.member("gauge", points.list("data_points", &d.data_points, number_point::<OTLP>).end())
        }
        Some(Data::Sum(d)) => fields.member(
            "sum",
            points
                .list("data_points", &d.data_points, number_point::<OTLP>)
                .code(
                    "aggregation_temporality",
                    temporality(d.aggregation_temporality),
                    d.aggregation_temporality,
                )
                .put("is_monotonic", d.is_monotonic)
                .end(),
        ),
        Some(Data::Histogram(d)) => fields.member(
            "histogram",
            points
                .list("data_points", &d.data_points, histogram_point::<OTLP>)
                .code(
                    "aggregation_temporality",
                    temporality(d.aggregation_temporality),
                    d.aggregation_temporality,
                )
                .end(),
        ),
        Some(Data::ExponentialHistogram(d)) => fields.member(
            "exponential_histogram",
            points
                .list("data_points", &d.data_points, exponential_point::<OTLP>)
                .code(
                    "aggregation_temporality",
                    temporality(d.aggregation_temporality),
                    d.aggregation_temporality,
                )
                .end(),
        ),
        Some(Data::Summary(d)) => {
            fields.member("summary", points.list("data_points", &d.data_points, summary_point::<OTLP>).end())
        }
    }
    .end()
}

fn number_point<const OTLP: bool>(m: &metrics::NumberDataPoint) -> Value {
    use metrics::number_data_point::Value as V;
    let fields = Fields::<OTLP>::new()
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .long("start_time_unix_nano", m.start_time_unix_nano)
        .long("time_unix_nano", m.time_unix_nano)
        .list("exemplars", &m.exemplars, exemplar::<OTLP>)
        .put("flags", m.flags);
    match m.value {
        None => fields,
        Some(V::AsDouble(v)) => fields.member("as_double", double(v)),
        Some(V::AsInt(v)) => fields.member("as_int", long(v)),
    }
    .end()
}

fn exemplar<const OTLP: bool>(m: &metrics::Exemplar) -> Value {
    use metrics::exemplar::Value as V;
    let fields = Fields::<OTLP>::new()
        .list("filtered_attributes", &m.filtered_attributes, key_value::<OTLP>)
        .long("time_unix_nano", m.time_unix_nano)
        .bytes("span_id", &m.span_id, id::<OTLP>)
        .bytes("trace_id", &m.trace_id, id::<OTLP>);
    match m.value {
        None => fields,
        Some(V::AsDouble(v)) => fields.member("as_double", double(v)),
        Some(V::AsInt(v)) => fields.member("as_int", long(v)),
    }
    .end()
}

fn histogram_point<const OTLP: bool>(m: &metrics::HistogramDataPoint) -> Value {
    Fields::<OTLP>::new()
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .long("start_time_unix_nano", m.start_time_unix_nano)
        .long("time_unix_nano", m.time_unix_nano)
        .long("count", m.count)
        .set("sum", m.sum, double)
        .list("bucket_counts", &m.bucket_counts, long)
        .list("explicit_bounds", &m.explicit_bounds, |&b| double(b))
        .list("exemplars", &m.exemplars, exemplar::<OTLP>)
        .put("flags", m.flags)
        .set("min", m.min, double)
        .set("max", m.max, double)
        .end()
}

fn exponential_point<const OTLP: bool>(m: &metrics::ExponentialHistogramDataPoint) -> Value {
    let buckets = |b: &metrics::exponential_histogram_data_point::Buckets| {
        Fields::<OTLP>::new().put("offset", b.offset).list("bucket_counts", &b.bucket_counts, long).end()
    };
    Fields::<OTLP>::new()
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .long("start_time_unix_nano", m.start_time_unix_nano)
        .long("time_unix_nano", m.time_unix_nano)
        .long("count", m.count)
        .set("sum", m.sum, double)
        .put("scale", m.scale)
        .long("zero_count", m.zero_count)
        .set("positive", m.positive.as_ref(), buckets)
        .set("negative", m.negative.as_ref(), buckets)
        .put("flags", m.flags)
        .list("exemplars", &m.exemplars, exemplar::<OTLP>)
        .set("min", m.min, double)
        .set("max", m.max, double)
        .double("zero_threshold", m.zero_threshold)
        .end()
}

fn summary_point<const OTLP: bool>(m: &metrics::SummaryDataPoint) -> Value {
    Fields::<OTLP>::new()
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .long("start_time_unix_nano", m.start_time_unix_nano)
        .long("time_unix_nano", m.time_unix_nano)
        .long("count", m.count)
        .double("sum", m.sum)
        .list("quantile_values", &m.quantile_values, |q| {
            Fields::<OTLP>::new().double("quantile", q.quantile).double("value", q.value).end()
        })
        .put("flags", m.flags)
        .end()
}

fn resource_logs<const OTLP: bool>(m: &logs::ResourceLogs) -> Value {
    Fields::<OTLP>::new()
        .set("resource", m.resource.as_ref(), resource::<OTLP>)
        .list("scope_logs", &m.scope_logs, |s| {
            Fields::<OTLP>::new()
                .set("scope", s.scope.as_ref(), scope::<OTLP>)
                .list("log_records", &s.log_records, log_record::<OTLP>)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn log_record<const OTLP: bool>(m: &logs::LogRecord) -> Value {
    let severity = logs::SeverityNumber::try_from(m.severity_number).ok();
    Fields::<OTLP>::new()
        .long("time_unix_nano", m.time_unix_nano)
        .long("observed_time_unix_nano", m.observed_time_unix_nano)
        .code("severity_number", severity.map(|s| s.as_str_name()), m.severity_number)
        .put("severity_text", m.severity_text.as_str())
        .set("body", m.body.as_ref(), any_value::<OTLP>)
        .list("attributes", &m.attributes, key_value::<OTLP>)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .put("flags", m.flags)
        .bytes("trace_id", &m.trace_id, id::<OTLP>)
        .bytes("span_id", &m.span_id, id::<OTLP>)
        .newer("event_name", m.event_name.clone())
        .end()
}
