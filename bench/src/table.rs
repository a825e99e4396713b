//! The table: a block for each payload, a row for each contender.

use crate::time::Time;
use crate::{Contender, Payload};

/// Prints one payload's rows; takes as many of the counted instructions as there are rows.
pub(crate) fn print<'a>(
    payload: &Payload,
    contenders: &[Contender<'_>],
    times: &[Time],
    counted: &mut impl Iterator<Item = &'a u64>,
) {
    println!("\n{} ({} bytes of protobuf, {} of JSON)", payload.name, payload.wire.len(), payload.json.len());
    println!(
        "  {:<26}{:>11}{:>11}{:>9}{:>9}{:>9}{:>10}",
        "", "min µs", "median µs", "ratio", "(median)", "MB/s", "instr/B"
    );
    for (contender, time) in contenders.iter().zip(times) {
        let base =
            contenders.iter().position(|base| base.base && base.kind == contender.kind).map(|at| times[at]);
        let ratio = |of: fn(Time) -> f64| {
            base.map_or_else(|| "-".to_owned(), |base| format!("{:.2}", of(base) / of(*time)))
        };
        let instructions = counted.next().map_or_else(
            || "absent".to_owned(),
            |count| format!("{:.2}", as_f64(*count) / as_f64(contender.bytes as u64)),
        );
        println!(
            "  {:<26}{:>11.2}{:>11.2}{:>9}{:>9}{:>9.0}{:>10}",
            contender.name,
            time.min / 1e3,
            time.median / 1e3,
            ratio(|time| time.min),
            ratio(|time| time.median),
            as_f64(contender.bytes as u64) * 1e3 / time.min,
            instructions
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^53")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
