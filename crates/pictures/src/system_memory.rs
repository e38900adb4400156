//! The memory that the system lets a process have: the limits of shells and of containers.

use std::fs;
use std::path::Path;

/// The least of the limits on this process, in bytes; `None` without one, or where the system does not say.
///
/// On Linux those of the address space (`ulimit -v`) and of the control group, as containers and job schedulers set it.
pub(crate) fn limit() -> Option<u64> {
    let read = |path: &Path| fs::read_to_string(path).ok();
    let address_space = read(Path::new("/proc/self/limits"));
    let address_space = address_space.and_then(|text| address_space_of(&text));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let of_groups = places(&groups).into_iter().filter_map(|place| {
        let text = read(Path::new(&place))?;
        text.trim().parse::<u64>().ok()
    });
    of_groups.chain(address_space).min()
}

/// The soft limit of the line `Max address space`.
fn address_space_of(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max address space"));
    line?.split_whitespace().next()?.parse().ok()
}

/// Files with the limits of the control groups of a process, of both versions: its own, and the one that a container sees as
/// the root.
fn places(groups: &str) -> Vec<String> {
    let mut found = vec![
        "/sys/fs/cgroup/memory.max".to_owned(),
        "/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned(),
    ];
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let path = path.trim_end_matches('/');
        if controllers.is_empty() {
            found.push(format!("/sys/fs/cgroup{path}/memory.max"));
        } else if controllers.split(',').any(|one| one == "memory") {
            found.push(format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_linux_writes_them() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max cpu time              unlimited            unlimited            seconds   \n\
                      Max address space         409600000            unlimited            bytes     \n";
        assert_eq!(address_space_of(limits), Some(409_600_000));
        assert_eq!(
            address_space_of(&limits.replace("409600000", "unlimited")),
            None
        );
        assert_eq!(address_space_of(""), None);
    }

    #[test]
    fn groups_of_both_versions_have_places() {
        let found = places("0::/user.slice/job\n5:cpu,memory:/docker/x\n3:cpu:/other\nodd");
        assert_eq!(
            found[2..],
            [
                "/sys/fs/cgroup/user.slice/job/memory.max",
                "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes"
            ]
        );
    }
}
