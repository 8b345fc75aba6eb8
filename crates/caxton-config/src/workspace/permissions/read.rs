//! The table `permissions` of either file.

use super::{At, Directory, End, Network, Side, Storage, Variable, Wanted, address, files};
use crate::{
    Diagnostics,
    record::{Keys, Record},
    scalar,
    tree::{Map, Node, Value},
    workspace::call_limits,
};
use caxton_types::{
    Access, EnvSource, HostRule, MemoryGrant, Scope, ToolGrant,
    unit::{ByteSize, Period},
};

/// What stands under `permissions` in a `policy.yaml`.
pub(in crate::workspace) const POLICY: Keys =
    Keys { known: &["storage", "network", "environment", "memory", "tools", "resources", "runtime", "ipc"], unbuilt: &[] };
/// And in a `tool.toml`.
pub(in crate::workspace) const MANIFEST: Keys =
    Keys { known: &["attachments", "storage", "network", "environment", "memory", "tools", "resources", "runtime", "ipc"], unbuilt: &[] };
const STORAGE: Keys = Keys { known: &["allow", "deny"], unbuilt: &[] };
const NETWORK: Keys = Keys { known: &["allow", "deny", "sockets"], unbuilt: &[] };
/// The scopes that a tool can be granted: what workspaces share is none of them.
const SCOPES: [(&str, Scope); 2] = [("agent", Scope::Agent), ("workspace", Scope::Workspace)];
const MEMORY_SCOPES: Keys = Keys { known: &["agent", "workspace"], unbuilt: &["global"] };
const ENVIRONMENT: Keys = Keys { known: &["allow"], unbuilt: &[] };
/// What a call may use, as Wassette writes it and as we do.
const RESOURCES: Keys = Keys {
    known: &[
        "memory",
        "timeout",
        "timeout_ms",
        "cpu",
        "io",
        "limits",
        "result_size",
        "host_call_size",
        "printed_size",
        "disk",
        "egress",
        "ingress",
        "open_files",
        "requests",
    ],
    unbuilt: &["instances"],
};
const RESOURCE_LIMITS: Keys = Keys { known: &["memory", "cpu"], unbuilt: &[] };
const FILE_RULE: Keys = Keys { known: &["uri", "access", "guest"], unbuilt: &[] };
const HOST_RULE: Keys = Keys { known: &["host", "cidr", "defaults", "methods", "private"], unbuilt: &[] };
const VARIABLE: Keys = Keys { known: &["key", "value", "secret"], unbuilt: &[] };

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// The most rules of one list.
const RULES_MAX: usize = 256;
/// The longest value of a variable.
const VALUE_LEN_MAX: usize = 32 * 1024;

/// Bounds of what one call may use.
pub(in crate::workspace) const MEMORY: (ByteSize, ByteSize) = (ByteSize::new(64 << 10), ByteSize::mib(4096));
pub(in crate::workspace) const TIMEOUT: (Period, Period) = (Period::from_millis(1), Period::from_secs(3600));

impl Wanted {
    /// Reads the table `permissions`, which may have these keys.
    pub(in crate::workspace) fn read(node: Option<&Node>, keys: &Keys, problems: &mut Diagnostics) -> Self {
        let table = Record::open(node, "permissions", keys, problems);
        let mut wanted = Self::default();
        wanted.storage = table.node("storage").map(|node| At::new(node, wanted.storage(node, problems)));
        wanted.network = table.node("network").map(|node| At::new(node, wanted.network(node, problems)));
        wanted.environment = table.node("environment").map(|node| At::new(node, environment(node, problems)));
        wanted.memory = table.node("memory").map(|node| At::new(node, memory(node, problems)));
        wanted.tools = table.node("tools").map(|node| At::new(node, tools(node, problems)));
        wanted.resources(table.node("resources"), problems);
        for key in ["runtime", "ipc"] {
            if let Some(entry) = table.entry(key).filter(|entry| !is_empty(&entry.node)) {
                let message =
                    format!("`permissions.{key}` grants nothing here: a tool has neither containers nor channels to other processes");
                wanted.warnings.push(entry.key.error(message).key(format!("permissions.{key}")).warning());
            }
        }
        wanted
    }

    fn network(&mut self, node: &Node, problems: &mut Diagnostics) -> Network {
        let path = "permissions.network";
        let table = Record::open(Some(node), path, &NETWORK, problems);
        let mut rules = |side: Side, problems: &mut Diagnostics| {
            let path = format!("{path}.{}", side.key());
            let items = items(&table, side.key(), &path, problems);
            items.into_iter().enumerate().filter_map(|(at, node)| self.host(node, &format!("{path}.{}", at + 1), side, problems)).collect()
        };
        let (allow, deny) = (rules(Side::Allow, problems), rules(Side::Deny, problems));
        let network = Network { allow, deny, sockets: table.value("sockets", problems, scalar::flag).unwrap_or_default() };
        if let Some(rule) = network.denies_all().filter(|_| !network.allow.is_empty()) {
            let message = "`*` denies every host, and deny wins: none of those under `allow` is granted";
            self.warnings.push(rule.place.error(message).key("permissions.network.deny").warning());
        }
        network
    }

    fn host(&mut self, node: &Node, path: &str, side: Side, problems: &mut Diagnostics) -> Option<At<HostRule>> {
        let table = Record::open(Some(node), path, &HOST_RULE, problems);
        node.entries()?;
        if table.node("defaults").is_some() {
            self.default_hosts(&table, path, side, problems);
            return None;
        }
        let host = table.value("host", problems, |node| Ok((address::host(scalar::text(node)?, side)?, node)));
        let network = table.value("cidr", problems, |node| address::network(scalar::text(node)?));
        let rule = match (host, network, table.node("host").is_some(), table.node("cidr").is_some()) {
            (Some(((rule, ignored), place)), _, _, false) => {
                self.warnings.extend(ignored.map(|why| place.place.error(why).key(path).warning()));
                Some(rule)
            }
            (_, Some(rule), false, _) => Some(rule),
            (_, _, true, true) | (_, _, false, false) => {
                problems.push(node.place.error(format!("`{path}` needs a `host` or a `cidr`, one of the two")).key(path));
                None
            }
            _ => None,
        };
        let methods: Option<Vec<Box<str>>> = table.value("methods", problems, |node| {
            let texts = scalar::texts(node).map_err(|(wrong, _)| wrong)?;
            if texts.is_empty() {
                return Err("the list is empty: leave it away for all methods".into());
            }
            texts.into_iter().map(|(_, node)| scalar::choice(node, &METHODS, &[]).map(Into::into)).collect()
        });
        let private = table.value("private", problems, scalar::flag).unwrap_or_default();
        let (methods, rule) = (methods.unwrap_or_default(), rule?);
        if *rule.host == *address::EVERY && !methods.is_empty() {
            problems.push(node.place.error(format!("`{path}`: `*` denies every host whatever the method")).key(path));
        }
        if side == Side::Allow && !private && address::is_private(&rule) {
            let message = format!("nothing is reached at `{}`, which is not public", rule.host);
            let help = "add `private: true` to the rule, and let whoever runs the server name the host in `tools.sandbox.private_hosts`";
            self.warnings.push(node.place.error(message).key(path).warning().help(help));
        }
        Some(At::new(node, HostRule { methods, private, ..rule }))
    }

    /// Wassette's list of well-known hosts. Under some of its names, such as `*.amazonaws.com`, anybody can rent one, and it changes
    /// without the policy: it grants nothing here.
    fn default_hosts(&mut self, table: &Record<'_>, path: &str, side: Side, problems: &mut Diagnostics) {
        let Some(node) = table.node("defaults") else { return };
        if table.node("host").is_some() || table.node("cidr").is_some() {
            problems.push(node.place.error(format!("`{path}`: `defaults` stands alone")).key(path));
        }
        match (table.value("defaults", problems, scalar::flag), side) {
            (Some(true), Side::Allow) => {
                let message = format!("`{path}.defaults` grants nothing here: Wassette's list of hosts is not taken over");
                self.warnings
                    .push(node.place.error(message).key(path).warning().help("name the hosts that the tool needs, each with `host`"));
            }
            (Some(true), Side::Deny) => {
                let message = format!("`{path}.defaults`: Wassette's list of hosts is not known here, and so cannot be denied");
                problems.push(node.place.error(message).key(path).help("name the hosts, or deny `*`"));
            }
            (Some(false) | None, _) => {}
        }
    }

    /// What a call may use: `memory` and `timeout` are ours, `limits` and `cpu` are Wassette's.
    fn resources(&mut self, node: Option<&Node>, problems: &mut Diagnostics) {
        let path = "permissions.resources";
        let table = Record::open(node, path, &RESOURCES, problems);
        let limits = Record::open(table.node("limits"), "permissions.resources.limits", &RESOURCE_LIMITS, problems);
        self.call = call_limits::read(&table, problems);
        for table in [&table, &limits] {
            let size = table.value("memory", problems, megabytes);
            if let (Some(size), Some(node)) = (size, table.node("memory")) {
                tighten(&mut self.memory_max, At::new(node, size));
            }
        }
        let millis = |node: &Node| {
            let (min, max) = (1, 3_600_000);
            u64::try_from(scalar::whole(node, min, max)?).map(Period::from_millis).map_err(|_| "out of bounds".into())
        };
        let timeouts =
            [("timeout", table.quantity("timeout", TIMEOUT, problems)), ("timeout_ms", table.value("timeout_ms", problems, millis))];
        for (key, time) in timeouts {
            if let (Some(time), Some(node)) = (time, table.node(key)) {
                tighten(&mut self.timeout, At::new(node, time));
            }
        }
        let idle = [
            (&table, "cpu", "permissions.resources.cpu", "processor time is bounded by the timeout"),
            (&limits, "cpu", "permissions.resources.limits.cpu", "processor time is bounded by the timeout"),
            (&table, "io", "permissions.resources.io", "what is written is bounded by `disk`"),
        ];
        for (table, key, path, instead) in idle {
            if let Some(entry) = table.entry(key) {
                let message = format!("`{path}` bounds nothing here: {instead}");
                self.warnings.push(entry.key.error(message).key(path).warning());
            }
        }
    }

    fn storage(&mut self, node: &Node, problems: &mut Diagnostics) -> Storage {
        let path = "permissions.storage";
        let table = Record::open(Some(node), path, &STORAGE, problems);
        let mut rules = |side: Side| {
            let path = format!("{path}.{}", side.key());
            let items = items(&table, side.key(), &path, problems);
            let rule = |(at, node)| directory(node, &format!("{path}.{}", at + 1), problems);
            items.into_iter().enumerate().filter_map(rule).collect::<Vec<_>>()
        };
        let (mut allow, deny) = (rules(Side::Allow), rules(Side::Deny));
        let of_files = |rule: &&At<Directory>| matches!(rule.value.end, End::Files(_));
        for rule in allow.iter().filter(of_files).filter(|rule| rule.value.write) {
            let problem = rule.place.error("files with a `*` in their name are granted for reading only");
            problems.push(problem.key("permissions.storage.allow").help("write `access: [read]`, or grant the directory"));
        }
        for rule in deny.iter().filter(of_files) {
            let problem = rule.place.error("a rule that denies names a directory or a file, without a `*` in its name");
            problems.push(problem.key("permissions.storage.deny").help("deny the directory with `/**` at the end, or each file"));
        }
        for rule in allow.iter_mut().filter(|rule| !rule.value.read) {
            rule.value.read = true;
            let problem = rule.place.error("`access: [write]` grants reading too: what may be written may be read").warning();
            self.warnings.push(problem.key("permissions.storage.allow").help("write `access: [read, write]`"));
        }
        Storage { allow, deny }
    }
}

/// The most memory, as Wassette writes it: a bare number counts megabytes, a text has its unit.
fn megabytes(node: &Node) -> Result<ByteSize, String> {
    let (min, max) = MEMORY;
    let within = |size: &ByteSize| (min..=max).contains(size);
    match node.value {
        Value::Whole(count) => {
            let size = u64::try_from(count).ok().and_then(|count| count.checked_mul(1 << 20)).map(ByteSize::new).filter(within);
            size.ok_or_else(|| format!("a number without a unit counts megabytes: expected from 1 to {}, found {count}", max.get() >> 20))
        }
        Value::Text(_) => {
            let size: ByteSize = scalar::quantity(node)?;
            Some(size).filter(within).ok_or_else(|| format!("expected from {min} to {max}, found {size}"))
        }
        _ => Err(format!("expected megabytes as a whole number, or a size such as `64MiB`, found {}", node.kind())),
    }
}

/// Of two bounds the tighter one stays.
fn tighten<T: PartialOrd>(known: &mut Option<At<T>>, other: At<T>) {
    if known.as_ref().is_none_or(|known| other.value < known.value) {
        *known = Some(other);
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Map(map) => map.values().all(|entry| is_empty(&entry.node)),
        Value::List(items) => items.is_empty(),
        Value::Null => true,
        _ => false,
    }
}

/// The tables of a list of rules.
fn items<'n>(table: &Record<'n>, key: &str, path: &str, problems: &mut Diagnostics) -> Vec<&'n Node> {
    let items = table.value(key, problems, |node| match &node.value {
        Value::List(items) if items.len() <= RULES_MAX => Ok(items.iter().collect::<Vec<_>>()),
        Value::List(items) => Err(format!("{} rules; at most {RULES_MAX} are taken", items.len())),
        Value::Map(map) if Map::is_empty(map) => Ok(vec![]),
        _ => Err(format!("expected a list of rules, found {}", node.kind())),
    });
    let items = items.unwrap_or_default();
    for item in items.iter().filter(|item| item.entries().is_none()) {
        problems.push(item.place.error(format!("`{path}`: expected a rule with its keys, found {}", item.kind())).key(path));
    }
    items.into_iter().filter(|item| item.entries().is_some()).collect()
}

fn directory(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<At<Directory>> {
    let table = Record::open(Some(node), path, &FILE_RULE, problems);
    let source = table.value("uri", problems, |node| files::parse(scalar::text(node)?));
    for key in ["uri", "access"] {
        if table.node(key).is_none() {
            problems.push(node.place.error(format!("`{path}` has no `{key}`")).key(path));
        }
    }
    let access = table.value("access", problems, |node| {
        let mut access = (false, false);
        for (_, node) in scalar::texts(node).map_err(|(wrong, _)| wrong)? {
            match scalar::choice(node, &["read", "write"], &[])? {
                "write" => access.1 = true,
                _ => access.0 = true,
            }
        }
        if access == (false, false) { Err("the list is empty".into()) } else { Ok(access) }
    });
    let guest = table.value("guest", problems, |node| files::guest(scalar::text(node)?));
    let (read, write) = access?;
    let (path, end) = source?;
    Some(At::new(node, Directory { path, end, guest, read, write }))
}

fn environment(node: &Node, problems: &mut Diagnostics) -> Vec<At<Variable>> {
    let path = "permissions.environment";
    let table = Record::open(Some(node), path, &ENVIRONMENT, problems);
    let path = format!("{path}.allow");
    let items = items(&table, "allow", &path, problems);
    items.into_iter().enumerate().filter_map(|(at, node)| variable(node, &format!("{path}.{}", at + 1), problems)).collect()
}

/// `{ agent, workspace }`, each `read` or `read_write`.
fn memory(node: &Node, problems: &mut Diagnostics) -> Vec<MemoryGrant> {
    let table = Record::open(Some(node), "permissions.memory", &MEMORY_SCOPES, problems);
    let mut access = |key| {
        table.value(key, problems, |node| match scalar::choice(node, &["read", "read_write"], &[("read-write", "read_write")])? {
            "read_write" => Ok(Access::ReadWrite),
            _ => Ok(Access::Read),
        })
    };
    SCOPES.into_iter().filter_map(|(key, scope)| Some(MemoryGrant { scope, access: access(key)? })).collect()
}

/// A list of `server/tool` and `server/*`, each once.
fn tools(node: &Node, problems: &mut Diagnostics) -> Vec<ToolGrant> {
    let key = "permissions.tools";
    let mut tools: Vec<ToolGrant> = Vec::new();
    let items = match &node.value {
        Value::List(items) if items.len() <= RULES_MAX => items.as_slice(),
        Value::List(items) => {
            problems.push(node.place.error(format!("`{key}`: {} rules; at most {RULES_MAX} are taken", items.len())).key(key));
            &[]
        }
        _ => {
            problems.push(node.place.error(format!("`{key}`: expected a list of texts, found {}", node.kind())).key(key));
            &[]
        }
    };
    for item in items {
        match scalar::parsed::<ToolGrant>(item) {
            Ok(tool) if tools.contains(&tool) => {
                problems.push(item.place.error(format!("`{key}` names `{tool}` twice")).key(key));
            }
            Ok(tool) => tools.push(tool),
            Err(wrong) => {
                let problem = item.place.error(format!("`{key}`: {wrong}")).key(key);
                problems.push(problem.help("write `server/tool` for one tool, `server/*` for all of a server"));
            }
        }
    }
    tools.sort();
    tools
}

/// A variable with its value, or with the secret that holds it: the one of its own name where none is named.
fn variable(node: &Node, path: &str, problems: &mut Diagnostics) -> Option<At<Variable>> {
    let table = Record::open(Some(node), path, &VARIABLE, problems);
    if table.node("key").is_none() {
        problems.push(node.place.error(format!("`{path}` has no `key`")).key(path));
    }
    let name: Option<Box<str>> = table.value("key", problems, |node| {
        let name = scalar::text(node)?;
        let sound = !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.len() <= 128;
        if sound { Ok(name.into()) } else { Err(format!("`{name}` is no name of a variable")) }
    });
    let value = table.value("value", problems, |node| match &node.value {
        Value::Text(text) if text.len() <= VALUE_LEN_MAX && !text.contains('\0') => Ok(EnvSource::Value(text.clone())),
        Value::Text(_) => Err(format!("the text is longer than {VALUE_LEN_MAX} bytes, or holds a zero")),
        _ => Err(format!("expected a text, found {}", node.kind())),
    });
    let secret = table.value("secret", problems, |node| {
        let name = scalar::text(node)?;
        let sound = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) && name.len() <= 128;
        if sound { Ok(EnvSource::Secret(name.into())) } else { Err(format!("`{name}` is no name of a secret")) }
    });
    if table.node("value").is_some() && table.node("secret").is_some() {
        problems.push(node.place.error(format!("`{path}` has both a `value` and a `secret`")).key(path).help("remove one of them"));
    }
    let name = name?;
    let source = value.or(secret).unwrap_or_else(|| EnvSource::Secret(name.clone()));
    Some(At::new(node, Variable { name, source }))
}
