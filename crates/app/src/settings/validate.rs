//! What is wrong with a connector's pairs under this worker: the check of the start, for REST.

use std::collections::BTreeMap;

use config::Reason;

use super::Check;
use super::gather::Gathered;
use super::origin::{Given, Origin, Pairs};

/// Finds everything at once, as the start does with a connector's file.
pub(crate) fn validate(worker: &Pairs, connector: &BTreeMap<String, String>) -> Vec<admin::Problem> {
    let given = |(key, value): (&String, &String)| {
        (key.clone(), Given { value: value.clone(), origin: Origin::Default })
    };
    let pairs: Pairs = connector.iter().map(given).collect();
    let gathered =
        Gathered { worker: worker.clone(), connector: pairs.clone(), submitted: pairs, laptop: false };
    let mut check = Check::new(gathered);
    // What it would be is not asked here, only what is wrong with it.
    drop(check.settings());
    let problem = |problem: config::Problem| admin::Problem {
        message: match &problem.reason {
            Reason::Other(what) => what.clone(),
            Reason::Invalid { .. } | Reason::Unknown { .. } => problem.to_string(),
        },
        value: connector.get(&problem.key).cloned(),
        key: problem.key,
    };
    check.problems.into_iter().map(problem).collect()
}
