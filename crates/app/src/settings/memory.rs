//! How many bytes requests may hold: the key, or what the memory cgroup leaves; and the reserve within.

use std::path::{Path, PathBuf};

use config::{Key, Problem};

/// The budget where nothing says otherwise.
pub(super) const DEFAULT_BYTES: usize = 256 << 20;
/// What must be left beside the reserve, so that more than one request can be on its way.
const BESIDE_RESERVE_BYTES: usize = 16 << 20;

/// What the request that draws on the reserve holds while it is unpacked, beside what it comes to.
const UNPACKING_BYTES: usize = 512 << 10;

/// The budget of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All of it.
    pub(crate) total_bytes: usize,
    /// What one request at a time may draw on when the rest is taken.
    pub(crate) reserve_bytes: usize,
}

impl Memory {
    /// A budget in which the largest request (as sent and unpacked) and two largest records fit.
    ///
    /// # Errors
    ///
    /// One problem that names both keys.
    pub(super) fn new(total: usize, request_max: usize, record_max: usize) -> Result<Self, Problem> {
        let largest = request_max.saturating_add(record_max).saturating_mul(2);
        let needed = largest.saturating_add(BESIDE_RESERVE_BYTES);
        if total < needed {
            return Err(Problem::other(
                super::keys::MEMORY_MAX.name,
                format!(
                    "{total} bytes are too few for otlp.request.max.bytes = {request_max} and \
                     otlp.record.max.bytes = {record_max}: raise it to at least {needed} (twice both, and \
                     16 MiB), or lower otlp.request.max.bytes"
                ),
            ));
        }
        Ok(Self { total_bytes: total, reserve_bytes: largest + UNPACKING_BYTES })
    }
}

/// The default budget: 256 MiB, or 40 % of the cgroup's limit where that is less.
pub(super) fn default_bytes(limit: Option<u64>) -> usize {
    let share = limit.map_or(u64::MAX, |limit| limit / 10 * 4);
    usize::try_from(share).unwrap_or(usize::MAX).min(DEFAULT_BYTES)
}

/// The largest request where nobody gave it, when it is to be less than its own default.
pub(super) fn request_default(keys: &[&'static Key], name: &str, total: usize) -> Option<usize> {
    let default = keys.iter().find(|key| key.name == name)?.default?.parse::<usize>().ok()?;
    (total / 4 < default).then_some(total / 4)
}

/// The least limit of this process's memory cgroup and those around it, version 1 or 2; `read` gives a
/// file's text.
pub(super) fn cgroup_limit(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let memberships = read(Path::new("/proc/self/cgroup"))?;
    let mut least: Option<u64> = None;
    for line in memberships.lines() {
        // hierarchy-ID:controllers:path (cgroups(7)); version 2 has no controllers.
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let (root, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        for folder in ancestors(root, path) {
            let limit = read(&folder.join(file)).and_then(|text| limit(&text));
            least = [least, limit].into_iter().flatten().min();
        }
    }
    least
}

/// The cgroup's folder and those around it up to the root. Within a container's own namespace the path may
/// name folders that only the host sees; then the root alone counts.
fn ancestors(root: &str, path: &str) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from(root)];
    for part in path.split('/').filter(|part| !part.is_empty() && *part != "..") {
        let below = folders.last().map_or_else(|| PathBuf::from(root), |folder| folder.join(part));
        folders.push(below);
    }
    folders
}

/// `max` and the huge numbers by which version 1 says "none" are no limit.
fn limit(text: &str) -> Option<u64> {
    const NONE: u64 = 1 << 60;
    text.trim().parse().ok().filter(|limit| *limit < NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit_of(files: &[(&str, &str)]) -> Option<u64> {
        cgroup_limit(&|path| {
            files.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn version_2_takes_the_least_of_all_around() {
        let files = [
            ("/proc/self/cgroup", "0::/kubepods/pod1/c1\n"),
            ("/sys/fs/cgroup/kubepods/memory.max", "8589934592\n"),
            ("/sys/fs/cgroup/kubepods/pod1/memory.max", "536870912\n"),
            ("/sys/fs/cgroup/kubepods/pod1/c1/memory.max", "max\n"),
        ];
        assert_eq!(limit_of(&files), Some(512 << 20));
        assert_eq!(
            limit_of(&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "1000\n")]),
            Some(1000)
        );
        assert_eq!(
            limit_of(&[("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "max\n")]),
            None
        );
    }

    #[test]
    fn version_1_knows_its_none() {
        let membership =
            "12:cpu,cpuacct:/docker/x\n11:memory:/docker/x\n1:name=systemd:/docker/x\n0::/system\n";
        let root = "/sys/fs/cgroup/memory/memory.limit_in_bytes";
        let none = [("/proc/self/cgroup", membership), (root, "9223372036854771712\n")];
        assert_eq!(limit_of(&none), None);
        // Inside a container the host's path is not there, and the root is the container's own.
        assert_eq!(limit_of(&[("/proc/self/cgroup", membership), (root, "268435456\n")]), Some(256 << 20));
    }

    #[test]
    fn nothing_readable_is_no_limit() {
        assert_eq!(limit_of(&[]), None);
        assert_eq!(limit_of(&[("/proc/self/cgroup", "nonsense")]), None);
    }

    #[test]
    fn the_default_is_two_fifths_of_a_small_limit() {
        assert_eq!(default_bytes(None), 256 << 20);
        assert_eq!(default_bytes(Some(4 << 30)), 256 << 20);
        assert_eq!(default_bytes(Some(100_000_000)), 40_000_000);
    }

    #[test]
    fn the_reserve_must_fit() {
        let memory = Memory::new(256 << 20, 64 << 20, 1_000_000).unwrap();
        assert_eq!(memory.reserve_bytes, (128 << 20) + 2_000_000 + UNPACKING_BYTES);
        let problem = Memory::new(100 << 20, 64 << 20, 1_000_000).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "otlp.memory.max.bytes: 104857600 bytes are too few for otlp.request.max.bytes = 67108864 and \
             otlp.record.max.bytes = 1000000: raise it to at least 152994944 (twice both, and 16 MiB), or \
             lower otlp.request.max.bytes"
        );
    }
}
