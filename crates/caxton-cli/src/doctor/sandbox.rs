//! Where tools run: the pool, and the code that is kept.

use super::report::{Finding, amount};
use caxton_api::{Health, HealthStatus};
use caxton_config::server::ServerConfig;
use caxton_sandbox::{Options, Sandbox};
use caxton_store::inspect::{self, Place};
use std::{io, path::Path};

/// The folder of compiled code: what is in it runs without another check.
pub(super) fn cache(data_dir: &Path, bytes_max: u64) -> Finding {
    const CHECK: &str = "compiled code";
    let dir = data_dir.join("compiled");
    let place = match inspect::place(&dir) {
        Ok(place) => place,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Finding::ok(CHECK, "none yet"),
        Err(error) => {
            return Finding::fail(CHECK, format!("{}: {error}", dir.display()), format!("remove {}: it is made again", dir.display()));
        }
    };
    let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
    let count = entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "cwasm")).count();
    trusted(&dir, place, inspect::place(data_dir).ok().and_then(|data| data.owner), (count, inspect::tree_bytes(&dir), bytes_max))
}

fn trusted(dir: &Path, place: Place, owner: Option<u32>, (count, bytes, bytes_max): (usize, u64, u64)) -> Finding {
    const CHECK: &str = "compiled code";
    let shown = dir.display();
    let todo = format!("stop the server and remove {shown}: it is made again from the components");
    if let (Some(mine), Some(theirs)) = (owner, place.owner)
        && mine != theirs
    {
        return Finding::fail(CHECK, format!("{shown} belongs to user {theirs}, and what is in it runs unchecked"), todo);
    }
    match place.mode {
        Some(mode) if mode & 0o022 != 0 => {
            return Finding::fail(
                CHECK,
                format!("{shown} can be changed by others (mode {mode:04o}), and what is in it runs unchecked"),
                todo,
            );
        }
        Some(mode) if mode & 0o055 != 0 => {
            return Finding::warn(CHECK, format!("{shown} can be read by others (mode {mode:04o})"), format!("chmod 700 {shown}"));
        }
        _ => {}
    }
    Finding::ok(CHECK, format!("{count} components, {} of at most {}", amount(bytes), amount(bytes_max)))
}

/// The pool as the running server has it.
pub(super) fn pool_of(health: &Health) -> Finding {
    const CHECK: &str = "sandbox";
    let sandbox = health.components.get("sandbox");
    if let Some(down) = sandbox.filter(|sandbox| sandbox.status == HealthStatus::Down) {
        return Finding::fail(CHECK, down.detail.clone(), "restart Caxton");
    }
    let figures = sandbox.map(|sandbox| &sandbox.figures);
    let figure = |name: &str| figures.and_then(|figures| figures.get(name)).copied();
    let (Some(slots), Some(wanted)) = (figure("slots"), figure("slots_wanted")) else {
        return Finding::info(CHECK, "the server does not tell");
    };
    let number = |name: &str| figure(name).unwrap_or_default();
    let reset = reset(number("pagemap_scan") > 0);
    let use_of = format!(
        "{} taken, {} at most so far, {} calls waiting; {} components, {} of them in memory, {} waiting to be compiled; {reset}",
        number("slots_taken"),
        number("slots_taken_max"),
        number("waiting_calls"),
        number("components"),
        number("components_in_memory"),
        number("waiting_to_compile"),
    );
    size(slots, wanted, &use_of)
}

/// The pool as a server would get it that starts now.
pub(super) fn pool(config: &ServerConfig) -> Finding {
    const CHECK: &str = "sandbox";
    let todo = "let the process have more address space (`ulimit -v unlimited`), or lower `tools.sandbox.instances`";
    let tried = tempfile::tempdir().map_err(|error| error.to_string()).and_then(|scratch| {
        // Nothing is compiled, so nothing needs to be kept.
        let options = Options { compiled_dir: None, scratch_dir: scratch.path().join("calls"), ..caxton_server::sandbox_options(config) };
        Sandbox::new(options).map(|sandbox| sandbox.pool()).map_err(|error| error.to_string())
    });
    match tried {
        Ok(pool) => size(pool.slots.into(), pool.slots_wanted.into(), reset(pool.pagemap_scan)),
        Err(error) => Finding::fail(CHECK, format!("it does not start: {error}"), todo),
    }
}

/// How slots are cleared after a call.
fn reset(pagemap_scan: bool) -> &'static str {
    if pagemap_scan { "reset by page maps" } else { "reset without page maps" }
}

fn size(slots: u64, wanted: u64, more: &str) -> Finding {
    const CHECK: &str = "sandbox";
    if slots < wanted {
        return Finding::warn(
            CHECK,
            format!("{slots} slots instead of {wanted}: the address space is too short for more; {more}"),
            "let the process have more address space (`ulimit -v unlimited`), or lower `tools.sandbox.instances`",
        );
    }
    Finding::ok(CHECK, format!("{slots} slots, as configured; {more}"))
}

#[cfg(test)]
mod tests {
    use super::{super::report::Verdict, *};
    use caxton_api::{ComponentHealth, HealthStatus};
    use std::collections::BTreeMap;

    fn check(finding: &Finding, verdict: Verdict, part: &str) {
        assert_eq!(finding.verdict, verdict, "{finding:?}");
        assert!(finding.detail.contains(part), "{finding:?}");
    }

    #[test]
    fn code_that_others_could_change_is_not_trusted() {
        let place = |mode, owner| Place { is_dir: true, mode: Some(mode), owner: Some(owner), writable: true, free: None };
        let of = |place| trusted(Path::new("/data/compiled"), place, Some(7), (3, 1 << 20, 1 << 30));
        check(&of(place(0o700, 7)), Verdict::Ok, "3 components, 1.0 MiB of at most 1.0 GiB");
        check(&of(place(0o755, 7)), Verdict::Warn, "read by others");
        check(&of(place(0o720, 7)), Verdict::Fail, "changed by others (mode 0720)");
        check(&of(place(0o700, 8)), Verdict::Fail, "belongs to user 8");
        check(&cache(Path::new("/nowhere"), 1), Verdict::Ok, "none yet");
    }

    #[test]
    fn a_pool_that_shrank_is_told() {
        let health = |figures: &[(&str, u64)]| {
            let figures = figures.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect();
            let part = ComponentHealth { status: HealthStatus::Ok, detail: String::new(), figures };
            Health { status: HealthStatus::Ok, version: "1".into(), components: BTreeMap::from([("sandbox".into(), part)]) }
        };
        check(
            &pool_of(&health(&[("slots", 64), ("slots_wanted", 64), ("slots_taken", 3), ("pagemap_scan", 1)])),
            Verdict::Ok,
            "64 slots, as configured; 3 taken, 0 at most so far, 0 calls waiting; 0 components, 0 of them in memory, 0 waiting to be compiled; reset by page maps",
        );
        let mut swaps = health(&[("slots", 64), ("slots_wanted", 64)]);
        if let Some(sandbox) = swaps.components.get_mut("sandbox") {
            (sandbox.status, sandbox.detail) = (HealthStatus::Down, "takes no calls: swap was turned on".into());
        }
        check(&pool_of(&swaps), Verdict::Fail, "swap was turned on");
        check(&pool_of(&health(&[("slots", 32), ("slots_wanted", 64)])), Verdict::Warn, "reset without page maps");
        check(&pool_of(&health(&[])), Verdict::Info, "does not tell");
    }
}
