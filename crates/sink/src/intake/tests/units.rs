//! Items that cannot be split, where only refusals tell what their topic takes.

use otlp::divide::Rule;

use super::*;

/// What the topic takes, and nobody says.
const TAKEN: usize = 900_000;

/// A span whose record has about as many bytes.
fn name(number: usize, bytes: usize) -> Vec<u8> {
    format!("span-{number}-{}", "x".repeat(bytes)).into_bytes()
}

async fn rejected(bench: &Bench, names: impl IntoIterator<Item = Vec<u8>>) -> Option<Rejected> {
    match bench.store(trace(names)).await {
        Verdict::Stored { rejected } => rejected,
        other => panic!("{other:?}"),
    }
}

/// Largest record of those that were stored since.
fn largest(bench: &Bench, since: usize) -> usize {
    let kept = bench.kept();
    kept[since..].iter().filter(|it| it.stored).map(|it| it.value.len()).max().unwrap_or_default()
}

#[test]
fn only_what_its_topic_refuses_is_counted_out() {
    let units = Marks { rule: Rule { units: true, ..Rule::default() }, ..Marks::default() };
    for (format, marks) in [
        (JSON, Marks::default()),
        (Format::Protobuf, Marks::default()),
        (JSON, units.clone()),
        (Format::Protobuf, units),
    ] {
        on_worker(false, async {
            let picky = |record: &Record| {
                Some(if record.value.len() > TAKEN { Outcome::TooLarge } else { Outcome::Stored })
            };
            let bench = Bench::with(Setting { format, ..SETTING }, marks, Box::new(picky));
            let items_stored = || bench.worker.core.shared.metrics.signal(Signal::Traces).items_stored();

            let why = rejected(&bench, [name(1, 950_000)]).await.unwrap();
            assert_eq!(why.items, 1);
            assert!(why.why.contains("max.message.bytes"), "{}", why.why);
            assert_eq!(bench.worker.core.topics.record_bytes_max(Signal::Traces), 500_000);

            // More than half of what was refused, and less than what the topic takes.
            let since = bench.kept().len();
            assert_eq!(rejected(&bench, [name(2, 700_000)]).await, None);
            assert!(largest(&bench, since) > 700_000);
            assert_eq!(items_stored(), 1);

            // The others go once, whatever becomes of one.
            let since = bench.kept().len();
            let mixed = [name(3, 10), name(4, 950_000), name(5, 700_000), name(6, 2_000_000), name(7, 10)];
            let why = rejected(&bench, mixed).await.unwrap();
            assert_eq!(why.items, 2);
            for key in ["otlp.record.max.bytes", "max.message.bytes"] {
                assert!(why.why.contains(key), "{}", why.why);
            }
            assert_eq!(items_stored(), 4);
            assert!(largest(&bench, since) > 700_000);
            // What can be split is kept under what is known.
            let since = bench.kept().len();
            assert_eq!(rejected(&bench, (0..10).map(|number| name(number, 90_000))).await, None);
            assert!(largest(&bench, since) <= 500_000);
            assert_eq!(bench.used(), 0);
        });
    }
}
