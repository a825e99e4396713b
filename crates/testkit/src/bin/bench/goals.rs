//! What has to come out of a row, and whether it did.

use crate::rows::{Build, Goal, Row, librdkafka_at};
use crate::table::{per_request, quantile_ms};
use crate::{Measured, Turn};

/// A goal and what came out.
pub(crate) struct Verdict {
    pub(crate) row: String,
    pub(crate) what: String,
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
    /// Median of the turns' ratios.
    pub(crate) ratio: f64,
    /// Between these is the middle half of them.
    pub(crate) half: (f64, f64),
    pub(crate) bound: Bound,
}

/// Where a ratio has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    Near(f64),
}

impl Verdict {
    pub(crate) fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.ratio <= most,
            Bound::AtLeast(least) => self.ratio >= least,
            Bound::Near(away) => (self.ratio - 1.0).abs() <= away,
        }
    }
}

/// The values of each turn of one server.
type Series = Vec<f64>;

struct Judge<'a> {
    row: &'a Row,
    measured: &'a Measured,
}

/// Each goal of the row.
pub(crate) fn judge(row: &Row, measured: &Measured) -> Vec<Verdict> {
    let judge = Judge { row, measured };
    row.goals.iter().flat_map(|goal| judge.verdicts(*goal)).collect()
}

impl Judge<'_> {
    fn verdicts(&self, goal: Goal) -> Vec<Verdict> {
        let native = self.row.contenders.iter().position(|one| one.build == Build::Native).unwrap_or(0);
        let one =
            |what: &str, theirs: Option<(String, Series)>, ours: Series, bound: Bound| -> Vec<Verdict> {
                let verdict = theirs
                    .map(|(name, theirs)| self.verdict(format!("{what}, {name}"), &ours, &theirs, bound));
                verdict.into_iter().collect()
            };
        let cpu = |turn: &Turn| per_request(turn, turn.figures.server_cpu);
        let broker = |turn: &Turn| per_request(turn, turn.figures.broker_cpu);
        let throughput = |turn: &Turn| table_f64(turn.figures.requests) / turn.figures.wall.as_secs_f64();
        match goal {
            Goal::Decode(most) => {
                let yardsticks = Some(("prost's decoding".to_owned(), self.measured.yardsticks.clone()));
                one("CPU µs a request", yardsticks, self.of(native, &cpu), Bound::AtMost(most))
            }
            Goal::Share(most) => {
                let theirs = self.best(median, |index| self.share(index));
                one("Kafka's CPU µs a request", theirs, self.share(native), Bound::AtMost(most))
            }
            Goal::Broker(most) => {
                let theirs = self.named(5).map(|(name, index)| (name, self.of(index, &broker)));
                one("broker's CPU µs a request", theirs, self.of(native, &broker), Bound::AtMost(most))
            }
            Goal::Produce(most) => {
                let theirs = self.named(5).map(|(name, index)| (name, self.of(index, &produce)));
                one("Produce requests a request", theirs, self.of(native, &produce), Bound::AtMost(most))
            }
            Goal::Median(linger, most) => {
                let at = |turn: &Turn| quantile_ms(turn, 0.5);
                let theirs = self.named(linger).map(|(name, index)| (name, self.of(index, &at)));
                one("p50 ms", theirs, self.of(native, &at), Bound::AtMost(most))
            }
            Goal::Tail(linger, most) => {
                let at = |turn: &Turn| quantile_ms(turn, 0.99);
                let theirs = self.named(linger).map(|(name, index)| (name, self.of(index, &at)));
                one("p99 ms", theirs, self.of(native, &at), Bound::AtMost(most))
            }
            Goal::Throughput(least) => {
                let theirs = self.best(|series| -median(series), |index| self.of(index, &throughput));
                one("requests/s", theirs, self.of(native, &throughput), Bound::AtLeast(least))
            }
            Goal::Flat(away) => self.flat(native, away),
        }
    }

    /// Each further native server against the first one.
    fn flat(&self, first: usize, away: f64) -> Vec<Verdict> {
        let all = self.row.contenders.iter().enumerate();
        let others = all.filter(|(index, one)| *index != first && one.build == Build::Native);
        let name = &self.row.contenders[first].name;
        others
            .map(|(index, other)| {
                let what = format!("Kafka's CPU µs a request: {}, {name}", other.name);
                self.verdict(what, &self.share(index), &self.share(first), Bound::Near(away))
            })
            .collect()
    }

    fn verdict(&self, what: String, ours: &[f64], theirs: &[f64], bound: Bound) -> Verdict {
        let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>();
        Verdict {
            row: self.row.title(),
            what,
            ours: median(ours),
            theirs: median(theirs),
            ratio: median(&ratios),
            half: middle_half(&ratios),
            bound,
        }
    }

    fn of(&self, index: usize, value: &dyn Fn(&Turn) -> f64) -> Series {
        self.measured.turns[index].iter().map(value).collect()
    }

    /// CPU with Kafka less that without.
    fn share(&self, index: usize) -> Series {
        let cpu = |turn: &Turn| per_request(turn, turn.figures.server_cpu);
        let null = self.row.contenders.iter().position(|one| one.build == Build::Null);
        let without = null.map_or_else(Vec::new, |null| self.of(null, &cpu));
        self.of(index, &cpu).iter().zip(without).map(|(with, without)| with - without).collect()
    }

    fn named(&self, linger: u32) -> Option<(String, usize)> {
        let name = librdkafka_at(linger);
        let index = self.row.contenders.iter().position(|one| one.name == name)?;
        Some((name, index))
    }

    /// librdkafka at the linger whose series is the least by `key`.
    fn best(
        &self,
        key: impl Fn(&[f64]) -> f64,
        series: impl Fn(usize) -> Series,
    ) -> Option<(String, Series)> {
        let all = self.row.contenders.iter().enumerate();
        all.filter(|(_, one)| one.build == Build::Librdkafka)
            .map(|(index, one)| (one.name.clone(), series(index)))
            .min_by(|(_, one), (_, other)| key(one).total_cmp(&key(other)))
    }
}

/// Produce requests over the requests answered.
fn produce(turn: &Turn) -> f64 {
    table_f64(turn.produce_requests.unwrap_or_default()) / table_f64(turn.figures.requests)
}

/// Counts here are far below what a float tells apart.
pub(crate) fn table_f64(count: u64) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn middle_half(values: &[f64]) -> (f64, f64) {
    let sorted = sorted(values);
    let quarter = sorted.len() / 4;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    (at(quarter), at(sorted.len().saturating_sub(1 + quarter)))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
