//! OTLP/JSON against the Collector's `pdata`: it reads what we write, and we read what it writes.
//!
//! `tools/pdata` turns JSON into protobuf and protobuf into JSON with `pdata`'s unmarshalers and marshalers. Where a
//! request and what came back differ, it is for one of these, all of them `pdata`'s own:
//!
//! - Single messages are values, not pointers: absent ones become empty ones. Empty ones are left out before comparing.
//! - Ids are arrays of 16 or 8 bytes: other lengths are refused, and zeros alone are absent. The requests here have
//!   none of either.
//! - Strings in the attributes of a profile's resource and scope are moved to the dictionary on their way out, and back on
//!   their way in, which refuses references to nowhere. They are sent without references, and compared so.
//! - A profile's id is in hex in its JSON, where the specification has base64; the reader takes both.

use std::path::PathBuf;
use std::process::Command;

use fastrand::Rng;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use super::peer::{Question, ask};
use super::{SHARE, hex, root, seed};
use crate::json::{self, read, write};
use crate::testdata::{Request, Style, Used, random_noting, realistic, without_empty};
use crate::{Limits, Signal};

const DOCUMENTS: usize = 20_000 / SHARE;
const LIMITS: Limits = Limits { elements: u64::MAX };

fn program() -> PathBuf {
    root().join("target/pdata/pdata")
}

/// Requests with every field of the schema, and what is sent of each.
fn questions(seed: u64, form: u8, send: impl Fn(Signal, &[u8]) -> Vec<u8>) -> Vec<Question> {
    let mut rng = Rng::with_seed(seed);
    let mut used = Used::default();
    let mut questions = Vec::new();
    for at in 0..DOCUMENTS {
        let signal = Signal::ALL[at % 4];
        let drawn = if at / 4 % 8 == 0 {
            realistic(signal, at % 5, &mut rng)
        } else {
            random_noting(signal, Style::Sized, &mut rng, &mut used)
        };
        let mut request = Request::decode(signal, &drawn).unwrap();
        without_references(&mut request, None);
        let wire = request.encode();
        let head = vec![form, u8::try_from(signal.index()).unwrap()];
        questions.push(Question { head, sent: send(signal, &wire), signal, wire });
    }
    assert_eq!(used.missing(), [""; 0], "fields that no document has");
    questions
}

/// Strings in place of references to the dictionary in attributes of resources and scopes: those of `table`, or any.
fn without_references(request: &mut Request, table: Option<&[String]>) {
    let Request::Profiles(request) = request else { return };
    for resource in &mut request.resource_profiles {
        let scopes = resource.scope_profiles.iter_mut().filter_map(|scope| scope.scope.as_mut());
        scopes.for_each(|scope| resolve(&mut scope.attributes, table));
        resource.resource.iter_mut().for_each(|resource| resolve(&mut resource.attributes, table));
    }
}

fn resolve(attributes: &mut [KeyValue], table: Option<&[String]>) {
    for attribute in attributes {
        if attribute.key_strindex != 0 {
            attribute.key = text_at(table, attribute.key_strindex);
            attribute.key_strindex = 0;
        }
        attribute.value.iter_mut().for_each(|value| resolve_value(value, table));
    }
}

fn resolve_value(value: &mut AnyValue, table: Option<&[String]>) {
    match &mut value.value {
        Some(Value::StringValueStrindex(index)) => {
            value.value = Some(Value::StringValue(text_at(table, *index)));
        }
        Some(Value::ArrayValue(list)) => {
            list.values.iter_mut().for_each(|value| resolve_value(value, table));
        }
        Some(Value::KvlistValue(list)) => resolve(&mut list.values, table),
        _ => {}
    }
}

fn text_at(table: Option<&[String]>, index: i32) -> String {
    table.map_or_else(|| index.to_string(), |table| table[usize::try_from(index).unwrap()].clone())
}

/// As text, in which a NaN equals a NaN.
fn tree(signal: Signal, request: &Request) -> String {
    let request = Request::decode(signal, &without_empty(signal.root(), &request.encode())).unwrap();
    format!("{request:?}")
}

fn assert_same(question: &Question, wire: &[u8], what: &str) {
    let sent = Request::decode(question.signal, &question.wire).unwrap();
    let mut back = Request::decode(question.signal, wire).unwrap();
    let strings = |request: &Request| match request {
        Request::Profiles(request) => request.dictionary.clone().unwrap_or_default().string_table,
        _ => Vec::new(),
    };
    let table = strings(&back);
    without_references(&mut back, Some(&table));
    if let Request::Profiles(request) = &mut back
        && let Some(dictionary) = &mut request.dictionary
    {
        dictionary.string_table.truncate(strings(&sent).len());
    }
    let (sent, back) = (tree(question.signal, &sent), tree(question.signal, &back));
    if sent != back {
        let at = sent.bytes().zip(back.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| {
            text.chars().skip(sent[..at].chars().count().saturating_sub(60)).take(160).collect::<String>()
        };
        panic!("{what}\nsent …{}\nback …{}\n{}", near(&sent), near(&back), hex(&question.wire));
    }
}

/// Scenario: requests of all signals in `otlp_json`. Guarantees: `pdata` reads the same requests.
#[test]
fn what_we_write_is_read_by_pdata() {
    let seed = seed(22);
    let send = |signal, wire: &[u8]| {
        let mut json = Vec::new();
        write(json::Style::OtlpJson, signal, wire, &LIMITS, usize::MAX, &mut json).unwrap();
        json
    };
    let mut equal = 0;
    ask(Command::new(program()), questions(seed, b'j', send).into_iter(), |question, answer| {
        let what = || {
            let json = String::from_utf8_lossy(&question.sent);
            format!("seed {seed}, document {equal}, {:?}\n{json}", question.signal)
        };
        let wire = answer.unwrap_or_else(|error| panic!("pdata: {error}\n{}", what()));
        assert_same(question, &wire, &what());
        equal += 1;
    });
    println!("we write, pdata reads: seed {seed}, {equal} documents, 0 differences");
    assert_eq!(equal, DOCUMENTS);
}

/// Scenario: requests of all signals, as `pdata` writes them in JSON. Guarantees: the reader gives the same requests.
#[test]
fn what_pdata_writes_is_read() {
    let seed = seed(21);
    let mut equal = 0;
    ask(
        Command::new(program()),
        questions(seed, b'p', |_, wire| wire.to_vec()).into_iter(),
        |question, answer| {
            let what = format!("seed {seed}, document {equal}, {:?}", question.signal);
            let json =
                answer.unwrap_or_else(|error| panic!("{what}: pdata: {error}\n{}", hex(&question.wire)));
            let what = format!("{what}\n{}", String::from_utf8_lossy(&json));
            let mut wire = Vec::new();
            read(question.signal, &json, &LIMITS, &mut wire)
                .unwrap_or_else(|error| panic!("{error}: {what}"));
            assert_same(question, &wire, &what);
            equal += 1;
        },
    );
    println!("pdata writes, we read: seed {seed}, {equal} documents, 0 differences");
    assert_eq!(equal, DOCUMENTS);
}
