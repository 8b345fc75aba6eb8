//! The machine: memory, its maps, processor and clock. What the kernel writes comes in as text.

use super::report::{Finding, amount};
use caxton_types::Timestamp;
use std::{fs, time::Duration};

/// What is asked for where there are too few.
const MAPS_WANTED: u64 = 262_144;
/// 2026-01-01T00:00:00Z: this program is younger.
const BEGINNING: i64 = 1_767_225_600_000_000;
/// An event that is younger than now by so much was written by another clock.
const CLOCK_SLACK: Duration = Duration::from_mins(1);

pub(super) fn check(instances: u32) -> Vec<Finding> {
    let read = |path: &str| fs::read_to_string(path).ok();
    vec![
        swap(read("/proc/swaps").as_deref(), caxton_sandbox::may_swap()),
        maps(read("/proc/sys/vm/max_map_count").as_deref(), instances),
        scan(caxton_sandbox::has_pagemap_scan()),
        keys(read("/proc/cpuinfo").as_deref()),
    ]
}

/// From `/proc/swaps`: a heading, then one line for each, sizes in KiB. What runs here need not be allowed any of it.
fn swap(text: Option<&str>, may_swap: bool) -> Finding {
    let Some(text) = text else { return Finding::info("swap", "this system does not tell whether it swaps") };
    let sizes = text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok());
    let (count, total) = sizes.fold((0, 0_u64), |(count, total), size| (count + 1, total.saturating_add(size)));
    if count == 0 {
        return Finding::ok("swap", "none");
    }
    if !may_swap {
        return Finding::ok("swap", format!("{} of swap, and none of it for this control group", amount(total << 10)));
    }
    Finding::warn(
        "swap",
        format!(
            "{} of swap: memory that a tool used is cleared the slow way, as pages that were swapped out are not seen",
            amount(total << 10)
        ),
        "`swapoff -a` where only servers run, then restart Caxton",
    )
}

/// From `/proc/sys/vm/max_map_count`.
fn maps(text: Option<&str>, instances: u32) -> Finding {
    let Some(max) = text.and_then(|text| text.trim().parse::<u64>().ok()) else {
        return Finding::info("memory maps", "this system does not bound them, or does not tell");
    };
    let room = caxton_sandbox::instances_within(max);
    let detail = format!("vm.max_map_count is {max}: enough for {room} instances of tools at once, and {instances} are configured");
    if room >= u64::from(instances) {
        return Finding::ok("memory maps", detail);
    }
    let wanted = caxton_sandbox::maps_of(instances).max(MAPS_WANTED);
    Finding::warn("memory maps", detail, format!("`sysctl -w vm.max_map_count={wanted}`, or lower `tools.sandbox.instances`"))
}

fn scan(is_there: bool) -> Finding {
    if is_there {
        return Finding::ok("page map scan", "the kernel tells which pages a tool wrote");
    }
    Finding::warn(
        "page map scan",
        "the kernel does not tell which pages a tool wrote: a call costs some microseconds more",
        "run Linux 6.7 or later, and let the process read /proc/self/pagemap",
    )
}

/// From `/proc/cpuinfo`.
fn keys(text: Option<&str>) -> Finding {
    let flags = text.and_then(|text| text.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':')));
    match flags {
        Some((_, flags)) if flags.split_whitespace().any(|flag| flag == "pku") => {
            Finding::info("protection keys", "the processor has them; the sandbox guards its memory by guard pages and does without")
        }
        Some(_) => Finding::info("protection keys", "the processor has none; the sandbox guards its memory by guard pages and needs none"),
        None => Finding::info("protection keys", "this system does not tell"),
    }
}

/// The clock, by itself and by the youngest event.
pub(super) fn clock(now: Timestamp, last_at: Option<Timestamp>) -> Finding {
    const TODO: &str = "set the clock and keep it set (NTP)";
    if now.as_micros() < BEGINNING {
        return Finding::fail("clock", format!("it says {now}, which is before this program was made"), TODO);
    }
    match last_at {
        Some(last) if last > now.plus(CLOCK_SLACK) => {
            Finding::warn("clock", format!("it says {now}, and the journal has an event of {last}: it went back"), TODO)
        }
        _ => Finding::ok("clock", format!("it says {now}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::report::Verdict, *};

    fn check(finding: Finding, verdict: Verdict, part: &str) {
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.detail.contains(part) || finding.todo.as_ref().is_some_and(|todo| todo.contains(part)), "{finding:?}");
    }

    #[test]
    fn swap_is_read() {
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        check(swap(Some(head), true), Verdict::Ok, "none");
        check(swap(Some(""), true), Verdict::Ok, "none");
        let some = format!("{head}/dev/sda2 partition\t2097148\t0\t-2\n/swap file 1048576 1 -3\n");
        check(swap(Some(&some), true), Verdict::Warn, "3.0 GiB of swap: ");
        check(swap(Some(&some), false), Verdict::Ok, "none of it for this control group");
        check(swap(None, true), Verdict::Info, "");
    }

    #[test]
    fn maps_are_counted() {
        check(maps(Some("65530\n"), 64), Verdict::Ok, "enough for 9255 instances");
        check(maps(Some("65530\n"), 9256), Verdict::Warn, "vm.max_map_count=262144");
        check(maps(Some("262144"), 100_000), Verdict::Warn, "vm.max_map_count=610000");
        check(maps(Some("9000"), 1), Verdict::Warn, "enough for 0 instances");
        check(maps(Some("unlimited"), 1), Verdict::Info, "");
        check(maps(None, 1), Verdict::Info, "");
    }

    #[test]
    fn the_processor_is_read() {
        check(keys(Some("processor\t: 0\nflags\t\t: fpu vme ospke pku avx\n")), Verdict::Info, "has them");
        check(keys(Some("processor\t: 0\nflags\t\t: fpu pkux\n")), Verdict::Info, "has none");
        check(keys(Some("processor : 0\nFeatures : fp asimd\n")), Verdict::Info, "does not tell");
        check(scan(true), Verdict::Ok, "");
        check(scan(false), Verdict::Warn, "6.7");
    }

    #[test]
    fn the_clock_is_compared() {
        let now = Timestamp::from_micros(BEGINNING + 5_000_000);
        check(clock(now, None), Verdict::Ok, "2026-01-01");
        check(clock(now, Some(now.plus(Duration::from_secs(59)))), Verdict::Ok, "");
        check(clock(now, Some(now.plus(Duration::from_secs(61)))), Verdict::Warn, "went back");
        check(clock(Timestamp::from_micros(7), None), Verdict::Fail, "1970-01-01");
    }
}
