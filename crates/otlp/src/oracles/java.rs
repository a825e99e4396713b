//! `json` records against protobuf-java's `JsonFormat`, with the options that the reference gives it.
//!
//! `tools/java/PrintJson.java` prints with the messages of the package that the tables come from, which has fields that are
//! newer than OTLP 1.0.0. `JsonFormat` can be told which fields to print at their default: those that the package of
//! version 1.0.0 has too, and all of messages that it lacks, such as the profiles'.
//!
//! One thing protobuf-java does otherwise than the encoding's rules and prost: when a message in a `oneof` is followed by
//! another member and then comes again, it has not forgotten what it held first. Such requests, which no encoder makes,
//! are sent to it as prost encodes them.

use std::process::Command;

use fastrand::Rng;

use super::damaged::compare;
use super::peer::{Question, ask};
use super::{SHARE, hex, root, seed};
use crate::json::{self, write};
use crate::schema::{Field, Kind, MessageId};
use crate::testdata::{Request, Style, Tree, Used, fields, random_noting, realistic};
use crate::{Limits, Signal};

const DOCUMENTS: usize = 24_000 / SHARE;
const LIBS: &str = "target/protobuf/1.11.0/libs/*";
const FIRST: &str = "target/protobuf/1.0.0/libs/opentelemetry-proto-1.0.0-alpha.jar";

/// Scenario: requests of all signals with every field of the schema, as encoders write them and otherwise, down to the
/// limit of depth. Guarantees: `json` equals what protobuf-java prints.
#[test]
fn json_is_what_protobuf_java_prints() {
    let seed = seed(20);
    let mut rng = Rng::with_seed(seed);
    let (mut used, mut requests) = (Used::default(), Vec::new());
    for at in 0..DOCUMENTS {
        let signal = Signal::ALL[at % 4];
        let wire = match at / 4 % 8 {
            0 => realistic(signal, at % 5, &mut rng),
            1..4 => random_noting(signal, Style::Odd, &mut rng, &mut used),
            _ => random_noting(signal, Style::Canonical, &mut rng, &mut used),
        };
        let head = vec![u8::try_from(signal.index()).unwrap()];
        let sent = if has_returning_member(signal.root(), &[&wire]) {
            Request::decode(signal, &wire).unwrap().encode()
        } else {
            wire.clone()
        };
        requests.push(Question { head, sent, signal, wire });
    }
    assert_eq!(used.missing(), [""; 0], "fields that no document has");
    let mut java = Command::new("java");
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-cp"]).arg(root().join(LIBS));
    java.arg(root().join("tools/java/PrintJson.java")).arg(root().join(FIRST));
    let (mut equal, mut bytes, mut encoded) = (0, 0, 0);
    ask(java, requests.into_iter(), |question, answer| {
        let what = || format!("seed {seed}, document {equal}, {:?} {}", question.signal, hex(&question.wire));
        let theirs = answer.unwrap_or_else(|error| panic!("protobuf-java refuses it: {error}\n{}", what()));
        assert!(compare(question.signal, &question.wire, &"drawn"), "{}", what());
        let mut ours = Vec::new();
        let limits = Limits { elements: u64::MAX };
        write(json::Style::Json, question.signal, &question.wire, &limits, usize::MAX, &mut ours)
            .unwrap_or_else(|error| panic!("{error}\n{}", what()));
        let (mut ours, mut theirs) = (Tree::parse(&ours).unwrap(), Tree::parse(&theirs).unwrap());
        if question.sent != question.wire {
            // prost takes a -0.0 for the default and leaves it out, which protobuf-java does not.
            drop_signs_of_zeros(&mut ours);
            drop_signs_of_zeros(&mut theirs);
        }
        if let Some(difference) = ours.difference(&theirs) {
            panic!("ours, then protobuf-java's: {difference}\n{}", what());
        }
        equal += 1;
        bytes += question.wire.len();
        encoded += usize::from(question.sent != question.wire);
    });
    println!(
        "protobuf-java: seed {seed}, {equal} documents of {bytes} bytes, 0 differences; {encoded} encoded anew"
    );
    assert_eq!(equal, DOCUMENTS);
    assert!(encoded < DOCUMENTS / 20);
}

fn drop_signs_of_zeros(tree: &mut Tree<'_>) {
    match tree {
        Tree::Number(number) if *number == "-0.0" => *number = "0.0",
        Tree::List(values) => values.iter_mut().for_each(drop_signs_of_zeros),
        Tree::Object(members) => members.iter_mut().for_each(|(_, value)| drop_signs_of_zeros(value)),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Text(_) => {}
    }
}

/// Whether in a `oneof` a message is followed by another member and then comes again. A message may be in pieces.
fn has_returning_member(id: MessageId, pieces: &[&[u8]]) -> bool {
    let message = id.message();
    let mut found: Vec<(&Field, &[u8])> = Vec::new();
    for piece in pieces {
        let known = fields(piece).map(|(number, _, _, body, to)| (message.field(number), &piece[body..to]));
        found.extend(known.filter_map(|(field, body)| Some((field?, body))));
    }
    found.retain(|(field, _)| matches!(field.kind, Kind::Message(_)) || field.oneof.is_some());
    let mut members: Vec<&Field> = found.iter().map(|found| found.0).filter(|f| f.oneof.is_some()).collect();
    members.dedup_by_key(|field| field.number);
    message.fields.iter().any(|field| {
        let Kind::Message(sub) = field.kind else { return false };
        let bodies = found.iter().filter(|found| found.0.number == field.number).map(|found| found.1);
        members.iter().filter(|member| member.number == field.number).count() > 1
            || if field.repeated {
                bodies.into_iter().any(|body| has_returning_member(sub, &[body]))
            } else {
                has_returning_member(sub, &bodies.collect::<Vec<_>>())
            }
    })
}
