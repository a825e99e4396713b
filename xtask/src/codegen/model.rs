//! What `codegen` keeps of the descriptors: the messages that an export request can hold, and their enums.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result, bail, ensure};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

const REQUESTS: [&str; 4] = [
    ".opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
    ".opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest",
    ".opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest",
    ".opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest",
];

/// `bytes` fields that OTLP/JSON writes in hex (OTLP specification, "JSON Protobuf Encoding").
const HEX_IDS: [&str; 3] = ["trace_id", "span_id", "parent_span_id"];

/// Repeated fields whose entries are the items a partial success counts.
const ITEMS: [&str; 4] = ["spans", "data_points", "log_records", "profiles"];

/// Repeated fields whose entries count against the limit of elements, beside the items.
const ELEMENTS: [&str; 3] = ["events", "links", "exemplars"];

/// All messages, the four requests first, and all enums, in the order they are reached.
pub(crate) struct Schema {
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
}

pub(crate) struct Message {
    /// Name of the variant of `MessageId`: the path inside the package, `Span.Event` as `SpanEvent`.
    pub(crate) id: String,
    /// Full name with its package.
    pub(crate) name: String,
    /// In the order of their numbers.
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    pub(crate) number: i32,
    pub(crate) name: String,
    pub(crate) json_name: String,
    /// The value of `Kind`, as Rust.
    pub(crate) kind: String,
    pub(crate) repeated: bool,
    pub(crate) oneof: Option<String>,
    pub(crate) optional: bool,
    pub(crate) item: bool,
    pub(crate) element: bool,
    pub(crate) newer_than_v1: bool,
}

pub(crate) struct Enum {
    pub(crate) id: String,
    /// The names of the values 0, 1, 2 and so on.
    pub(crate) names: Vec<String>,
}

impl Schema {
    pub(crate) fn build(current: &FileDescriptorSet, first: &FileDescriptorSet) -> Result<Self> {
        let types = Types::of(current);
        let old = Types::of(first);
        let mut queue: VecDeque<String> = REQUESTS.iter().map(ToString::to_string).collect();
        let mut met: BTreeSet<String> = queue.iter().cloned().collect();
        let mut schema = Self { messages: Vec::new(), enums: Vec::new() };
        while let Some(name) = queue.pop_front() {
            let descriptor = types.messages.get(&name).with_context(|| format!("no message {name}"))?;
            let message = message(&name, descriptor, &types, &old)?;
            for field in &descriptor.field {
                let type_name = field.type_name().to_owned();
                if type_name.is_empty() || !met.insert(type_name.clone()) {
                    continue;
                }
                match types.enums.get(&type_name) {
                    Some(found) => schema.enums.push(enumeration(found)?),
                    None => queue.push_back(type_name),
                }
            }
            schema.messages.push(message);
        }
        let ids: BTreeSet<&str> = schema.messages.iter().map(|message| message.id.as_str()).collect();
        ensure!(ids.len() == schema.messages.len(), "two messages share a short name");
        Ok(schema)
    }
}

/// Every message and enum of a set by its full name, with the leading dot that field types carry.
struct Types<'a> {
    messages: BTreeMap<String, &'a DescriptorProto>,
    enums: BTreeMap<String, &'a EnumDescriptorProto>,
}

impl<'a> Types<'a> {
    fn of(set: &'a FileDescriptorSet) -> Self {
        let mut types = Self { messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in &set.file {
            let package = format!(".{}", file.package());
            for found in &file.enum_type {
                types.enums.insert(format!("{package}.{}", found.name()), found);
            }
            for found in &file.message_type {
                types.add(&package, found);
            }
        }
        types
    }

    fn add(&mut self, scope: &str, message: &'a DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for found in &message.enum_type {
            self.enums.insert(format!("{name}.{}", found.name()), found);
        }
        for found in &message.nested_type {
            self.add(&name, found);
        }
        self.messages.insert(name, message);
    }

    fn has_field(&self, message: &str, number: i32) -> bool {
        self.messages
            .get(message)
            .is_some_and(|found| found.field.iter().any(|field| field.number() == number))
    }
}

fn message(name: &str, descriptor: &DescriptorProto, types: &Types<'_>, old: &Types<'_>) -> Result<Message> {
    let mut fields = descriptor
        .field
        .iter()
        .map(|field| {
            // Messages of signals that the old schema did not have are not "newer": nobody knows them otherwise.
            let newer = old.messages.contains_key(name) && !old.has_field(name, field.number());
            self::field(descriptor, field, types, newer).with_context(|| format!("{name}.{}", field.name()))
        })
        .collect::<Result<Vec<_>>>()?;
    fields.sort_by_key(|field| field.number);
    let oneofs: BTreeSet<_> = fields.iter().filter_map(|field| field.oneof.as_deref()).collect();
    ensure!(oneofs.len() <= 1, "{name} has several oneofs; the tables know one a message");
    Ok(Message { id: short(name), name: name.trim_start_matches('.').to_owned(), fields })
}

fn field(
    message: &DescriptorProto,
    field: &FieldDescriptorProto,
    types: &Types<'_>,
    newer_than_v1: bool,
) -> Result<Field> {
    let repeated = field.label() == Label::Repeated;
    let optional = field.proto3_optional();
    let oneof = match field.oneof_index {
        Some(index) if !optional => Some(message.oneof_decl[usize::try_from(index)?].name().to_owned()),
        _ => None,
    };
    ensure!(field.number() < 32, "field numbers above 31 do not fit the tables' masks");
    Ok(Field {
        number: field.number(),
        name: field.name().to_owned(),
        json_name: field.json_name().to_owned(),
        kind: kind(field, types)?,
        repeated,
        oneof,
        optional,
        item: repeated && ITEMS.contains(&field.name()),
        element: repeated && ELEMENTS.contains(&field.name()),
        newer_than_v1,
    })
}

fn kind(field: &FieldDescriptorProto, types: &Types<'_>) -> Result<String> {
    let plain = match field.r#type() {
        Type::String => "Str",
        Type::Bytes if HEX_IDS.contains(&field.name()) => "Id",
        Type::Bytes if field.name() == "profile_id" => "ProfileId",
        Type::Bytes => "Bytes",
        Type::Bool => "Bool",
        Type::Int32 => "Int32",
        Type::Int64 => "Int64",
        Type::Uint32 => "Uint32",
        Type::Uint64 => "Uint64",
        Type::Sint32 => "Sint32",
        Type::Fixed32 => "Fixed32",
        Type::Fixed64 => "Fixed64",
        Type::Sfixed64 => "Sfixed64",
        Type::Double => "Double",
        Type::Message => return Ok(format!("Message(M::{})", short(field.type_name()))),
        Type::Enum => {
            let found = types.enums.get(field.type_name()).context("no such enum")?;
            return Ok(format!("Enum(E::{})", found.name()));
        }
        other => bail!("type {other:?} does not occur in OTLP so far; add it to `Kind` and to its readers"),
    };
    Ok(plain.to_owned())
}

fn enumeration(descriptor: &EnumDescriptorProto) -> Result<Enum> {
    let mut values: Vec<_> =
        descriptor.value.iter().map(|value| (value.number(), value.name().to_owned())).collect();
    values.sort();
    let gapless = values.iter().enumerate().all(|(at, (number, _))| usize::try_from(*number) == Ok(at));
    ensure!(gapless, "{} has gaps; the tables index names by value", descriptor.name());
    Ok(Enum { id: descriptor.name().to_owned(), names: values.into_iter().map(|(_, name)| name).collect() })
}

/// `.opentelemetry.proto.trace.v1.Span.Event` as `SpanEvent`: packages are lower case, types are not.
fn short(name: &str) -> String {
    name.split('.').filter(|part| part.starts_with(|first: char| first.is_ascii_uppercase())).collect()
}
