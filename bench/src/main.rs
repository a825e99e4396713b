//! The codec's bench: what scan, writers, reader and split cost, beside what others spend on the same bytes, in one run.
//!
//! Contenders take turns round by round, and only the CPU time of their own thread counts, so that ratios mean
//! something on a machine that others use as well. Instructions come from callgrind, which does not notice them at all.

#[cfg(feature = "contenders")]
mod contenders;
mod instructions;
mod ours;
mod payload;
mod table;
mod time;

/// The generator of realistic requests that the codec's own tests use.
#[path = "../../crates/otlp/src/testdata"]
mod testdata {
    mod realistic;
    mod request;

    pub(crate) use realistic::realistic;
    pub(crate) use request::Request;
}

use otlp::{Counts, Signal};
use payload::Payload;

/// What a contender does; rows of one kind are compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Wire bytes: are they valid, what is in them.
    Scan,
    /// Wire bytes to JSON.
    Write,
    /// JSON to wire bytes.
    Read,
    /// Wire bytes to parts that fit a record.
    Split,
}

/// One row of the table: a way to do something with a payload.
struct Contender<'a> {
    name: &'static str,
    kind: Kind,
    /// Others are compared with it.
    base: bool,
    /// Bytes that it reads.
    bytes: usize,
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    fn new(name: &'static str, kind: Kind, bytes: usize, run: impl FnMut() + 'a) -> Self {
        Self { name, kind, base: false, bytes, run: Box::new(run) }
    }

    /// What the others of its kind are compared with.
    fn base(mut self) -> Self {
        self.base = true;
        self
    }
}

fn of(payload: &Payload) -> Vec<Contender<'_>> {
    let all = ours::of(payload).into_iter();
    #[cfg(feature = "contenders")]
    let all = all.chain(contenders::of(payload));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|contender| contender.kind);
    all
}

const USAGE: &str = "[--rounds N] [FILTER…]: payloads whose name contains one of them; all without";

fn main() {
    let mut rounds = 15;
    let mut filters = Vec::new();
    let mut counted_only = false;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => rounds = args.next().and_then(|text| text.parse().ok()).expect(USAGE),
            instructions::FLAG => counted_only = true,
            option if option.starts_with('-') => panic!("{option}? {USAGE}"),
            filter => filters.push(filter.to_owned()),
        }
    }
    let payloads = payload::all(&filters);
    if counted_only {
        return payloads.iter().for_each(|payload| of(payload).iter_mut().for_each(instructions::once));
    }
    let counted = instructions::count(&filters);
    let mut counted = counted.iter();
    for payload in &payloads {
        let mut contenders = of(payload);
        let times = time::measure(&mut contenders, rounds);
        table::print(payload, &contenders, &times, &mut counted);
    }
}
