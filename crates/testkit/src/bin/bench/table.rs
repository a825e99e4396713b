//! The tables on standard output, in Markdown.

use std::time::Duration;

use crate::goals::{Bound, Verdict, median, table_f64};
use crate::rows::Row;
use crate::{Measured, Turn};

/// What the figures are of, and their heads.
pub(crate) fn begin(rounds: usize) {
    say(&format!("rounds {rounds}, interleaved; medians; CPU of the server process alone; {}\n", machine()));
    say(
        "| load | format | server | CPU µs/request | decode µs | CPU s/M items | requests/s | p50 ms | p99 ms | RSS MiB | broker CPU µs/request | Produce/s | requests/Produce | failed |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
}

/// A line for each server.
pub(crate) fn figures(row: &Row, measured: &Measured) {
    let items = table_f64(u64::try_from(row.load.items).unwrap_or(u64::MAX));
    let decode = median(&measured.yardsticks);
    for (contender, turns) in row.contenders.iter().zip(&measured.turns) {
        let of = |value: &dyn Fn(&Turn) -> f64| median(&turns.iter().map(value).collect::<Vec<_>>());
        let seconds = |turn: &Turn| turn.figures.wall.as_secs_f64();
        let cpu = of(&|turn| per_request(turn, turn.figures.server_cpu));
        let rate = of(&|turn| table_f64(turn.figures.requests) / seconds(turn));
        let broker = of(&|turn| per_request(turn, turn.figures.broker_cpu));
        let mib = of(&|turn| table_f64(turn.figures.resident_bytes >> 20));
        let (p50, p99) = (of(&|turn| quantile_ms(turn, 0.5)), of(&|turn| quantile_ms(turn, 0.99)));
        let failed: u64 = turns.iter().map(|turn| turn.figures.failed).sum();
        let counted = |count: u64| table_f64(count).max(f64::MIN_POSITIVE);
        let produce = turns.iter().all(|turn| turn.produce_requests.is_some()).then(|| {
            let count = |turn: &Turn| counted(turn.produce_requests.unwrap_or_default());
            let batch = of(&|turn| table_f64(turn.figures.requests) / count(turn));
            format!("{:.0} | {batch:.1}", of(&|turn| count(turn) / seconds(turn)))
        });
        say(&format!(
            "| {} | {} | {} | {cpu:.1} | {decode:.1} | {:.2} | {rate:.0} | {p50:.2} | {p99:.2} | {mib:.0} | {broker:.1} | {} | {failed} |",
            row.name,
            row.format,
            contender.name,
            cpu / items,
            produce.unwrap_or_else(|| " | ".to_owned()),
        ));
    }
}

/// A line for each goal.
pub(crate) fn verdicts(verdicts: &[Verdict]) {
    if verdicts.is_empty() {
        return;
    }
    say("\n| load | what, against | native | other | ratio | half of the turns | goal | met |");
    say("|---|---|---|---|---|---|---|---|");
    for verdict in verdicts {
        let goal = match verdict.bound {
            Bound::AtMost(most) => format!("≤ {most}"),
            Bound::AtLeast(least) => format!("≥ {least}"),
            Bound::Near(away) => format!("1 ± {away}"),
        };
        let Verdict { row, what, ours, theirs, ratio, half: (low, high), .. } = verdict;
        let met = if verdict.is_met() { "yes" } else { "**no**" };
        say(&format!(
            "| {row} | {what} | {ours:.3} | {theirs:.3} | {ratio:.2} | {low:.2} to {high:.2} | {goal} | {met} |"
        ));
    }
}

/// Microseconds of a CPU time for each request that was answered.
pub(crate) fn per_request(turn: &Turn, cpu: Duration) -> f64 {
    cpu.as_secs_f64() * 1e6 / table_f64(turn.figures.requests)
}

/// A quantile of latency.
pub(crate) fn quantile_ms(turn: &Turn, quantile: f64) -> f64 {
    table_f64(turn.figures.latency.value_at_quantile(quantile)) / 1e3
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches(['\t', ' ', ':']);
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{cores} × {model}, load {}", load.split(' ').next().unwrap_or(""))
}

/// A line of the program's output.
#[expect(clippy::print_stdout, reason = "the table is the program's output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
