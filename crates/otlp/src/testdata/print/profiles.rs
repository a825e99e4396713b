//! A second opinion on the JSON of profiles.

use opentelemetry_proto::tonic::profiles::v1development as profiles;
use serde_json::Value;

use super::{Fields, any_value, base64, id, long, profile_id, resource, scope};

pub(super) fn resource_profiles<const OTLP: bool>(m: &profiles::ResourceProfiles) -> Value {
    Fields::<OTLP>::new()
        .set("resource", m.resource.as_ref(), resource::<OTLP>)
        .list("scope_profiles", &m.scope_profiles, |s| {
            Fields::<OTLP>::new()
                .set("scope", s.scope.as_ref(), scope::<OTLP>)
                .list("profiles", &s.profiles, profile::<OTLP>)
                .put("schema_url", s.schema_url.as_str())
                .end()
        })
        .put("schema_url", m.schema_url.as_str())
        .end()
}

fn value_type<const OTLP: bool>(m: &profiles::ValueType) -> Value {
    Fields::<OTLP>::new().put("type_strindex", m.type_strindex).put("unit_strindex", m.unit_strindex).end()
}

fn profile<const OTLP: bool>(m: &profiles::Profile) -> Value {
    Fields::<OTLP>::new()
        .set("sample_type", m.sample_type.as_ref(), value_type::<OTLP>)
        .list("samples", &m.samples, |s| {
            Fields::<OTLP>::new()
                .put("stack_index", s.stack_index)
                .put("attribute_indices", s.attribute_indices.clone())
                .put("link_index", s.link_index)
                .list("values", &s.values, long)
                .list("timestamps_unix_nano", &s.timestamps_unix_nano, long)
                .end()
        })
        .long("time_unix_nano", m.time_unix_nano)
        .long("duration_nano", m.duration_nano)
        .set("period_type", m.period_type.as_ref(), value_type::<OTLP>)
        .long("period", m.period)
        .bytes("profile_id", &m.profile_id, profile_id::<OTLP>)
        .put("dropped_attributes_count", m.dropped_attributes_count)
        .put("original_payload_format", m.original_payload_format.as_str())
        .bytes("original_payload", &m.original_payload, base64)
        .put("attribute_indices", m.attribute_indices.clone())
        .end()
}

pub(super) fn dictionary<const OTLP: bool>(m: &profiles::ProfilesDictionary) -> Value {
    Fields::<OTLP>::new()
        .list("mapping_table", &m.mapping_table, mapping::<OTLP>)
        .list("location_table", &m.location_table, location::<OTLP>)
        .list("function_table", &m.function_table, |f| {
            Fields::<OTLP>::new()
                .put("name_strindex", f.name_strindex)
                .put("system_name_strindex", f.system_name_strindex)
                .put("filename_strindex", f.filename_strindex)
                .long("start_line", f.start_line)
                .end()
        })
        .list("link_table", &m.link_table, |l| {
            Fields::<OTLP>::new()
                .bytes("trace_id", &l.trace_id, id::<OTLP>)
                .bytes("span_id", &l.span_id, id::<OTLP>)
                .end()
        })
        .put("string_table", m.string_table.clone())
        .list("attribute_table", &m.attribute_table, |a| {
            Fields::<OTLP>::new()
                .put("key_strindex", a.key_strindex)
                .set("value", a.value.as_ref(), any_value::<OTLP>)
                .put("unit_strindex", a.unit_strindex)
                .end()
        })
        .list("stack_table", &m.stack_table, |s| {
            Fields::<OTLP>::new().put("location_indices", s.location_indices.clone()).end()
        })
        .end()
}

fn mapping<const OTLP: bool>(m: &profiles::Mapping) -> Value {
    Fields::<OTLP>::new()
        .long("memory_start", m.memory_start)
        .long("memory_limit", m.memory_limit)
        .long("file_offset", m.file_offset)
        .put("filename_strindex", m.filename_strindex)
        .put("attribute_indices", m.attribute_indices.clone())
        .end()
}

fn location<const OTLP: bool>(m: &profiles::Location) -> Value {
    Fields::<OTLP>::new()
        .put("mapping_index", m.mapping_index)
        .long("address", m.address)
        .list("lines", &m.lines, |l| {
            Fields::<OTLP>::new()
                .put("function_index", l.function_index)
                .long("line", l.line)
                .long("column", l.column)
                .end()
        })
        .put("attribute_indices", m.attribute_indices.clone())
        .end()
}
