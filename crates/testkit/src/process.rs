//! Child processes: signals, the kernel's account of their CPU and memory, waiting for a condition.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Clock ticks a second in `/proc/PID/stat`; fixed on Linux.
const TICKS: f64 = 100.0;

/// Sends a signal by name, such as `STOP`, to one process.
///
/// # Panics
///
/// When there is no such process.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name} {pid}");
}

/// Freezes a process, and returns once each of its threads stands still: until then it may still answer.
///
/// # Panics
///
/// When there is no such process, or a thread of it does not stop.
pub fn freeze(pid: u32) {
    signal(pid, "STOP");
    let stopped = |stat: &str| stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('T');
    wait_for("every thread has stopped", Duration::from_secs(10), || {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
        // A thread that has ended meanwhile has stopped too.
        tasks
            .flatten()
            .all(|task| fs::read_to_string(task.path().join("stat")).map_or(true, |stat| stopped(&stat)))
    });
}

/// CPU time of a process and its threads, user and system.
#[must_use]
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS)
}

/// Resident memory now, and the largest since the start, in bytes.
#[must_use]
pub fn resident(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0)
    };
    (kib("VmRSS:") * 1024, kib("VmHWM:") * 1024)
}

/// Waits until `condition` holds.
///
/// # Panics
///
/// When it does not within `limit`; `what` says what was waited for.
pub fn wait_for(what: &str, limit: Duration, condition: impl FnMut() -> bool) {
    wait_for_or(what, limit, condition, String::new);
}

/// As [`wait_for`]; `why` says more when the condition did not come to hold.
///
/// # Panics
///
/// As [`wait_for`].
pub fn wait_for_or(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> bool,
    why: impl Fn() -> String,
) {
    let end = Instant::now() + limit;
    while !condition() {
        assert!(Instant::now() < end, "not within {limit:?}: {what}\n{}", why());
        std::thread::sleep(Duration::from_millis(20));
    }
}
