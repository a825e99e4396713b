//! Our REST calls beside those of a real worker of Kafka Connect, and in the hands of its clients.

mod calls;
mod compare;
mod sequences;
mod side;

use std::collections::BTreeMap;

use testkit::connect::Worker;

use calls::{Differs, Plan};
use compare::Difference;
use side::Side;

use crate::server;

#[test]
fn every_call_is_answered_as_by_a_real_worker() {
    let plan = Plan::read();
    let server = server().start();
    server.wait_until_ready();
    let worker = Worker::start(&server.bootstrap);
    let (theirs, ours) = (Side::file_connector(worker.rest), Side::otlp_connector(server.rest));
    let mut found = Found::default();
    // What the program runs from the start, the other side does not have.
    ours.send("DELETE /connectors/otlp-source", &[], "");
    for call in &plan.calls {
        let (a, b) = (theirs.ask(call), ours.ask(call));
        let differences = compare::compare(&a, &b, &plan);
        found.judge(
            &format!("{}\n  sent {}", call.call, ours.body(call)),
            &differences,
            call.differs(&plan),
            (&a, &b),
        );
        for side in [&theirs, &ours] {
            call.wait(side);
        }
    }
    println!("{}", found.summary(&plan));
    assert!(found.unexplained.is_empty(), "{}", found.unexplained.join("\n"));
    assert!(plan.calls.len() >= 120, "{} calls", plan.calls.len());
}

#[test]
fn every_reason_for_a_difference_is_told_to_users() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rest.md");
    let page = std::fs::read_to_string(page).unwrap();
    for reason in Plan::read().reasons() {
        assert!(page.contains(&format!("- {reason}\n")), "docs/rest.md does not say: {reason}");
    }
}

/// What the comparison came to.
#[derive(Default)]
struct Found {
    equal: usize,
    deliberate: BTreeMap<String, usize>,
    unexplained: Vec<String>,
}

impl Found {
    /// Differences must be those that the data gives a reason for; a reason without a difference is a mistake too.
    fn judge(
        &mut self,
        call: &str,
        differences: &[Difference],
        explained: Option<&Differs>,
        answers: (&side::Answer, &side::Answer),
    ) {
        let shown: Vec<String> = differences.iter().map(ToString::to_string).collect();
        let report = |why: &str| {
            let (theirs, ours) = answers;
            format!("{call}\n  {why}\n  {}\n  theirs: {theirs}\n  ours:   {ours}", shown.join("\n  "))
        };
        match (differences.is_empty(), explained) {
            (true, None) => self.equal += 1,
            (true, Some(_)) => {
                self.unexplained.push(report("no difference, and the data gives a reason for one"))
            }
            (false, None) => self.unexplained.push(report("differs without a reason")),
            (false, Some(differs)) => match differs.holds(answers.0, answers.1, differences) {
                Ok(()) => *self.deliberate.entry(differs.reason.clone()).or_default() += 1,
                Err(why) => self.unexplained.push(report(&why)),
            },
        }
    }

    fn summary(&self, plan: &Plan) -> String {
        let deliberate: usize = self.deliberate.values().sum();
        let mut text = format!(
            "calls {}, equal {}, deliberate deviations {deliberate}, unexplained {}",
            plan.calls.len(),
            self.equal,
            self.unexplained.len()
        );
        for (reason, count) in &self.deliberate {
            text.push_str(&format!("\n  {count:3} {reason}"));
        }
        text
    }
}
