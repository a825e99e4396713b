//! Three brokers under load and faults: nothing acknowledged is lost, nothing comes twice or out of order.

use std::path::Path;

use testkit::campaign::{self, Campaign, Fault};
use testkit::kafka::Version;

use crate::program;

// A release record makes 100 of each: `cargo xtask faults`. The rate is lower here, since machines of CI run
// other tests at the same time.
#[test]
fn a_short_campaign_of_faults_loses_nothing() {
    campaign(campaign::ITEMS, 20_000);
    // Some of these records are small, and travel in company of another thread's. One after the other: each has
    // brokers of its own.
    campaign(4, 4000);
}

fn campaign(items: u32, rate: u32) {
    let campaign = Campaign {
        version: Version::V4,
        faults: vec![
            (Fault::Kill, 1),
            (Fault::Pause, 1),
            (Fault::Move, 1),
            (Fault::Cut, 3),
            (Fault::Stall, 2),
        ],
        rate,
        items,
        seed: fastrand::u64(..),
        options: Vec::new(),
    };
    println!("{campaign:?}");
    let report = campaign::run(&campaign, Path::new(program()), |line| println!("{line}"));
    println!("{report:#?}");
    assert_eq!(report.breaches(), Vec::<String>::new(), "seed {}", campaign.seed);
}
