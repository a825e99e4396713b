//! `json` records against protobuf-java's `JsonFormat`, with the options that the reference gives it.
//!
//! `tools/java/PrintJson.java` prints with the messages of the package that the tables come from, which has fields that are
//! newer than OTLP 1.0.0. `JsonFormat` can be told which fields to print at their default: those that the package of
//! version 1.0.0 has too, and all of messages that it lacks, such as the profiles'.

use std::process::Command;

use fastrand::Rng;

use super::damaged::compare;
use super::peer::{Question, ask};
use super::{SHARE, hex, root, seed};
use crate::json::{self, write};
use crate::testdata::{Style, Tree, Used, random_noting, realistic};
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
        requests.push(Question { head, sent: wire.clone(), signal, wire });
    }
    assert_eq!(used.missing(), [""; 0], "fields that no document has");
    let mut java = Command::new("java");
    java.args(["-Xmx384m", "-XX:+UseSerialGC", "-cp"]).arg(root().join(LIBS));
    java.arg(root().join("tools/java/PrintJson.java")).arg(root().join(FIRST));
    let (mut equal, mut bytes) = (0, 0);
    ask(java, requests.into_iter(), |question, answer| {
        let what = || format!("seed {seed}, document {equal}, {:?} {}", question.signal, hex(&question.wire));
        let theirs = answer.unwrap_or_else(|error| panic!("protobuf-java refuses it: {error}\n{}", what()));
        assert!(compare(question.signal, &question.wire, &"drawn"), "{}", what());
        let mut ours = Vec::new();
        let limits = Limits { elements: u64::MAX };
        write(json::Style::Json, question.signal, &question.wire, &limits, usize::MAX, &mut ours)
            .unwrap_or_else(|error| panic!("{error}\n{}", what()));
        let (ours, theirs) = (Tree::parse(&ours).unwrap(), Tree::parse(&theirs).unwrap());
        if let Some(difference) = ours.difference(&theirs) {
            panic!("ours, then protobuf-java's: {difference}\n{}", what());
        }
        equal += 1;
        bytes += question.wire.len();
    });
    println!("protobuf-java: seed {seed}, {equal} documents of {bytes} bytes, 0 differences");
    assert_eq!(equal, DOCUMENTS);
}
