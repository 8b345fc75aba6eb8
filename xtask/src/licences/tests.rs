//! The rules on expressions and on small dependency graphs.
use super::*;
use serde_json::json;

fn is_met(text: &str) -> bool {
    let allowed = ["MIT", "ISC", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(String::from);
    expression::is_met(text, &allowed.into())
}

#[test]
fn expressions_are_weighed() {
    for met in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0 or MIT",
        "MIT/Apache-2.0",
        "Unlicense / MIT",
        "ISC AND (Apache-2.0 OR GPL-3.0)",
        "Apache-2.0 WITH LLVM-exception",
        "GPL-3.0 OR MIT AND ISC",
        "((MIT))",
    ] {
        assert!(is_met(met), "{met}");
    }
    for unmet in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "MIT WITH LLVM-exception",
        "MIT ISC",
        "MIT OR",
        "(MIT",
        "MIT)",
        "OR",
        "MIT WITH",
    ] {
        assert!(!is_met(unmet), "{unmet}");
    }
    assert!(!is_met(&format!("{}MIT{}", "(".repeat(1000), ")".repeat(1000))));
}

fn findings(package: &serde_json::Value) -> Vec<String> {
    let rules = r#"
        [licenses]
        allow = ["MIT"]
        [bans]
        deny = [{ crate = "openssl", reason = "TLS is rustls" }]
    "#;
    let mut whole = json!({"id": "x", "name": "x", "version": "1.0.0", "license": "MIT", "source": CRATES_IO, "manifest_path": "/else/Cargo.toml", "dependencies": []});
    for (key, value) in package.as_object().unwrap() {
        whole[key] = value.clone();
    }
    let metadata = json!({"packages": [whole], "workspace_members": ["ours"]});
    check(&toml::from_str(rules).unwrap(), &serde_json::from_value(metadata).unwrap(), Path::new("/repo"))
}

fn check_one(package: &serde_json::Value, expected: &str) {
    let found = findings(package);
    assert_eq!(found.len(), 1, "{package}: {found:?}");
    assert!(found.iter().all(|finding| finding.starts_with(expected)), "{package}: {found:?}");
}

#[test]
fn a_dependency_within_the_rules_is_no_finding() {
    assert_eq!(findings(&json!({})), Vec::<String>::new());
    assert_eq!(findings(&json!({"source": null, "manifest_path": "/repo/sdk/Cargo.toml"})), Vec::<String>::new());
    let paths = json!([{"name": "caxton-types", "req": "*", "path": "crates/caxton-types"}]);
    assert_eq!(findings(&json!({"id": "ours", "source": null, "dependencies": paths})), Vec::<String>::new());
}

#[test]
fn a_dependency_outside_the_rules_is_found() {
    check_one(&json!({"license": null}), "x 1.0.0: names no licence");
    check_one(&json!({"license": "GPL-3.0"}), "x 1.0.0: licence `GPL-3.0` is not met");
    check_one(&json!({"source": "git+https://example.org/x"}), "x 1.0.0: comes from git+https://example.org/x");
    check_one(&json!({"source": null}), "x 1.0.0: comes from a path");
    check_one(&json!({"name": "openssl"}), "openssl 1.0.0: banned — TLS is rustls");
    let wild = json!([{"name": "serde", "req": "*", "path": null}]);
    check_one(&json!({"id": "ours", "source": null, "dependencies": wild}), "x: takes any version of serde");
}
