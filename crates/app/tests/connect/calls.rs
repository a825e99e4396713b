//! The calls and the reasons for differences, as `calls.json` has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use testkit::process;

use super::compare::Difference;
use super::side::{Answer, Side};

/// All of the file.
#[derive(Deserialize)]
pub(super) struct Plan {
    /// Fields whose values are each side's own, with the reason; their types must be equal.
    pub(super) own_values: BTreeMap<String, String>,
    /// Keys that both define and that have another meaning here, with the reason.
    pub(super) own_keys: BTreeMap<String, String>,
    /// Differences that several calls have.
    differences: BTreeMap<String, Differs>,
    pub(super) calls: Vec<Call>,
}

/// One call. `@word@` stands for what differs between the sides, and `"@good": NAME` for the pairs that make a
/// connector of that name valid.
#[derive(Deserialize)]
pub(super) struct Call {
    /// Method and path.
    pub(super) call: String,
    /// A body of JSON.
    pub(super) body: Option<Value>,
    /// A body that is none.
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The name of one of the differences.
    differs: Option<String>,
    /// What is to be so before the next call.
    until: Option<Until>,
}

#[derive(Deserialize)]
struct Until {
    call: String,
    has: String,
}

/// A deliberate difference.
#[derive(Deserialize)]
pub(super) struct Differs {
    pub(super) reason: String,
    theirs: Expected,
    ours: Expected,
}

/// What a side answers; what is not said must be equal.
#[derive(Deserialize)]
struct Expected {
    status: Option<u16>,
    /// The content type; empty for none.
    kind: Option<String>,
    /// How the message begins.
    message: Option<String>,
    /// Only the body is another one.
    #[serde(default)]
    body: bool,
}

impl Plan {
    pub(super) fn read() -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connect/calls.json");
        serde_json::from_str(&fs::read_to_string(file).expect("the file of the calls")).expect("the calls")
    }

    pub(super) fn reasons(&self) -> impl Iterator<Item = &str> {
        self.differences.values().map(|differs| differs.reason.as_str())
    }
}

impl Call {
    pub(super) fn differs<'a>(&self, plan: &'a Plan) -> Option<&'a Differs> {
        let name = self.differs.as_ref()?;
        Some(plan.differences.get(name).unwrap_or_else(|| panic!("no difference is named {name}")))
    }

    /// Waits for what the call sets going.
    pub(super) fn wait(&self, side: &Side) {
        let Some(until) = &self.until else { return };
        let what = format!("{} has {}", until.call, until.has);
        process::wait_for(&what, Duration::from_secs(30), || {
            side.send(&until.call, &[], "").text.contains(&until.has)
        });
    }
}

impl Differs {
    /// Whether the sides differ in what is said here and in nothing else.
    pub(super) fn holds(&self, theirs: &Answer, ours: &Answer, found: &[Difference]) -> Result<(), String> {
        self.theirs.check("theirs", theirs)?;
        self.ours.check("ours", ours)?;
        let said = |field: fn(&Expected) -> bool| field(&self.theirs) || field(&self.ours);
        let status = said(|it| it.status.is_some());
        let kind = said(|it| it.kind.is_some());
        let body = status || said(|it| it.message.is_some() || it.body);
        let other = found.iter().find(|difference| match difference {
            Difference::Status(..) => !status,
            Difference::Kind(..) => !kind,
            Difference::Header(..) => !status,
            Difference::Body { .. } => !body,
        });
        other.map_or(Ok(()), |difference| Err(format!("differs in more than the reason says: {difference}")))
    }
}

impl Expected {
    fn check(&self, side: &str, answer: &Answer) -> Result<(), String> {
        if self.status.is_some_and(|status| status != answer.status) {
            return Err(format!("{side}: another status than the data says"));
        }
        if self.kind.as_ref().is_some_and(|kind| *kind != answer.kind) {
            return Err(format!("{side}: another content type than the data says"));
        }
        let message = answer.json.as_ref().map_or("", |json| json["message"].as_str().unwrap_or(""));
        if self.message.as_ref().is_some_and(|beginning| !message.starts_with(beginning)) {
            return Err(format!("{side}: another message than the data says"));
        }
        Ok(())
    }
}
