//! Instructions of one call, counted by callgrind: the same on a busy machine as on a quiet one.
//!
//! The bench runs itself once more under valgrind. There each contender is called twice, and the second call is
//! counted: callgrind counts inside of [`callgrind_counts_this`] alone, and writes a file each time that it ends.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Contender;

/// Makes this program the one that is counted.
pub(crate) const FLAG: &str = "--one-call-each";

/// The name in full: patterns are matched with it differently by the two options.
const COUNTED: &str = concat!(module_path!(), "::callgrind_counts_this");

/// Instructions of each contender, in the order of their calls; empty when there is no valgrind.
pub(crate) fn count(filters: &[String]) -> Vec<u64> {
    let folder = std::env::temp_dir().join(format!("otlp2kafka-callgrind-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let out = folder.join("out");
    let program = std::env::current_exe().expect("this program has a path");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .args([format!("--toggle-collect={COUNTED}"), format!("--dump-after={COUNTED}")])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .arg(FLAG)
        .args(filters)
        .stderr(Stdio::null())
        .status();
    // Without valgrind there is no status; its column says "absent".
    let counted = match status {
        Ok(status) if status.success() => {
            (1..).map_while(|nth| total(&folder.join(format!("out.{nth}")))).collect()
        }
        Ok(status) => panic!("the counted run ended with {status}"),
        Err(_) => Vec::new(),
    };
    std::fs::remove_dir_all(&folder).expect("its own folder");
    counted
}

fn total(file: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line =
        text.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")))?;
    line.trim().parse().ok()
}

/// A call to be counted, after one that warms up the allocator and what is worked out at the first use.
pub(crate) fn once(contender: &mut Contender<'_>) {
    (contender.run)();
    callgrind_counts_this(&mut contender.run);
}

#[inline(never)]
fn callgrind_counts_this(run: &mut dyn FnMut()) {
    std::hint::black_box(run)();
}
