//! The numbered requests of a load: which items and keys they have, and which of their items a record holds.

use bytes::{BufMut, Bytes, BytesMut};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

const NAME: &str = "service.name";
/// Stands in each trace id until the request is stamped.
const MARK: [u8; 12] = [0xa5; 12];

/// What all requests of a client have in common.
#[derive(Debug)]
pub(super) struct Shape {
    /// By part: the key under `otlp.record.key=service`.
    pub(super) services: Vec<Option<String>>,
    /// By part: its items, in order.
    pub(super) indexes: Vec<Vec<u32>>,
    items: u32,
}

impl Shape {
    /// Clients have no key, one, two or three in turn, each twice, so that two workers that take turns have some of each;
    /// where that is even, a part without key comes last. Each part stands in two resources with others between them, so
    /// that it has to be put together.
    pub(super) fn new(client: u64, items: u32) -> Self {
        let keys = client / 2 % 4;
        let mut services: Vec<_> = (0..keys).map(|key| Some(format!("client-{client}-{key}"))).collect();
        if keys.is_multiple_of(2) {
            services.push(None);
        }
        let mut indexes = vec![Vec::new(); services.len()];
        let mut shape = Self { services, indexes: Vec::new(), items };
        (0..items).for_each(|index| indexes[shape.block(index) % shape.services.len()].push(index));
        shape.indexes = indexes;
        shape
    }

    /// In which of the request's resources an item stands.
    fn block(&self, index: u32) -> usize {
        let blocks = self.services.len() * 2;
        usize::try_from(index).unwrap_or(0) * blocks / usize::try_from(self.items).unwrap_or(1)
    }

    /// Whether these are items of a part that follow one another.
    pub(super) fn is_run(&self, part: usize, indexes: &[u32]) -> bool {
        let own = &self.indexes[part];
        let at = indexes.first().and_then(|first| own.binary_search(first).ok());
        at.is_some_and(|at| own[at..].starts_with(indexes))
    }

    fn request(&self) -> ExportTraceServiceRequest {
        let block = |number: usize| {
            let spans: Vec<Span> =
                (0..self.items).filter(|index| self.block(*index) == number).map(span).collect();
            let service = self.services[number % self.services.len()].as_ref();
            let attributes = service.map(|name| KeyValue {
                key: NAME.into(),
                value: Some(AnyValue { value: Some(Value::StringValue(name.clone())) }),
                ..Default::default()
            });
            ResourceSpans {
                resource: Some(Resource {
                    attributes: attributes.into_iter().collect(),
                    ..Default::default()
                }),
                scope_spans: vec![ScopeSpans { spans, ..Default::default() }],
                ..Default::default()
            }
        };
        ExportTraceServiceRequest { resource_spans: (0..self.services.len() * 2).map(block).collect() }
    }
}

fn span(index: u32) -> Span {
    Span {
        trace_id: [MARK.as_slice(), &index.to_be_bytes()].concat(),
        span_id: (u64::from(index) + 1).to_be_bytes().to_vec(),
        name: "audit".into(),
        start_time_unix_nano: 1_760_000_000_000_000_000,
        end_time_unix_nano: 1_760_000_000_000_000_001,
        ..Default::default()
    }
}

/// A request's bytes, in which the places of the ids are known.
pub(super) struct Template {
    frame: BytesMut,
    places: Vec<usize>,
    client: u64,
}

impl Template {
    pub(super) fn new(client: u64, items: u32) -> Self {
        let wire = Shape::new(client, items).request().encode_to_vec();
        let mut frame = BytesMut::with_capacity(wire.len() + 5);
        frame.put_u8(0);
        frame.put_u32(u32::try_from(wire.len()).expect("a small request"));
        frame.put_slice(&wire);
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(at) = frame[from..].windows(MARK.len()).position(|window| window == MARK) {
            places.push(from + at);
            from += at + 16;
        }
        Self { frame, places, client }
    }

    /// The request whose trace ids are the client and the number.
    pub(super) fn stamp(&mut self, number: u64) -> Bytes {
        for place in &self.places {
            self.frame[*place..*place + 8].copy_from_slice(&self.client.to_be_bytes());
            self.frame[*place + 8..*place + 16].copy_from_slice(&number.to_be_bytes());
        }
        Bytes::copy_from_slice(&self.frame)
    }
}

/// The items that a record holds, all of one request and of one service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) client: u64,
    pub(super) number: u64,
    pub(super) service: Option<String>,
    pub(super) indexes: Vec<u32>,
}

/// Nothing when it is not that.
pub(super) fn held(value: &[u8]) -> Option<Held> {
    let request = ExportTraceServiceRequest::decode(value).ok()?;
    let mut held: Option<Held> = None;
    for resource in &request.resource_spans {
        let service = service(resource);
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let (client, number) = span.trace_id.split_first_chunk::<8>()?;
            let (client, number) = (u64::from_be_bytes(*client), u64::from_be_bytes(number.try_into().ok()?));
            let index = u64::from_be_bytes(span.span_id.as_slice().try_into().ok()?).checked_sub(1)?;
            let held = held.get_or_insert_with(|| Held {
                client,
                number,
                service: service.map(str::to_owned),
                indexes: Vec::new(),
            });
            if (held.client, held.number, held.service.as_deref()) != (client, number, service) {
                return None;
            }
            held.indexes.push(u32::try_from(index).ok()?);
        }
    }
    held
}

fn service(resource: &ResourceSpans) -> Option<&str> {
    let mut attributes = resource.resource.iter().flat_map(|resource| &resource.attributes);
    match attributes.find(|pair| pair.key == NAME)?.value.as_ref()?.value.as_ref()? {
        Value::StringValue(name) => Some(name),
        _ => None,
    }
}
