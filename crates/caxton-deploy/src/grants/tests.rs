use super::*;
use std::os::unix::fs::symlink;

#[test]
fn as_many_instances_wait_as_the_tool_asks_for_and_the_operator_allows() {
    let reuse = |manifest: &str, kept: u32, waiting_max: u32| {
        let reuse = Pool { kept, waiting_max }.reuse(&ToolManifest::parse(manifest, "tool.toml").unwrap());
        reuse.map(|reuse| (reuse.instances, reuse.kept))
    };
    assert_eq!(reuse("", 3, 32), None);
    assert_eq!(reuse("reuse = true", 0, 32), Some((4, 0)));
    assert_eq!(reuse("reuse = true", 10, 32), Some((10, 10)));
    assert_eq!(reuse("reuse = true\n[limits]\ninstances = 2", 10, 32), Some((2, 2)));
    assert_eq!(reuse("reuse = true\n[limits]\ninstances = 200", 10, 32), Some((32, 10)));
}

/// A policy as people bring it from Wassette: what it calls by a file's name is granted as what is there.
#[tokio::test]
async fn a_file_is_granted_as_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    for path in ["srv/logs", "tools/default/feeds/config", "tools/default/feeds/v1.2"] {
        fs::create_dir_all(at(path)).unwrap();
    }
    fs::write(at("tools/default/feeds/config/app.yaml"), "a: 1").unwrap();
    fs::write(at("srv/hosts"), "").unwrap();
    let ceiling = Ceiling { readable: vec![at("srv")], own: at("tools"), ..Ceiling::default() };
    let bounds = ToolBounds { ceiling, ..ToolBounds::default() };
    let ask = async |rules: &[(String, &str)], bounds: &ToolBounds| {
        let rule = |(uri, access): &(String, &str)| format!("{{uri: 'fs://{uri}', access: [{access}]}}");
        let rules: Vec<_> = rules.iter().map(rule).collect();
        let policy = format!("permissions: {{storage: {{allow: [{}]}}}}", rules.join(", "));
        let manifest = ToolManifest::default().with_policy(&policy, "policy.yaml").unwrap();
        grant(&manifest, &WorkspaceName::default(), "feeds", bounds).await.map(|grant| Permissions::clone(&grant.permissions))
    };
    let (hosts, logs) = (at("srv/hosts").display().to_string(), format!("{}/*.log", at("srv/logs").display()));
    let rules = [("config/app.yaml".into(), "read"), (hosts.clone(), "read"), (logs.clone(), "read"), ("v1.2".into(), "read, write")];
    let granted = ask(&rules, &bounds).await.unwrap();
    let own = at("tools/default/feeds");
    let file = |host: PathBuf, guest: &str| FileGrant { host, guest: guest.into() };
    assert_eq!(granted.directories, [DirectoryGrant { host: own.join("v1.2"), guest: "/v1.2".into(), access: Access::ReadWrite }]);
    let expected = [file((&*logs).into(), &logs), file(own.join("config/app.yaml"), "/config/app.yaml"), file((&*hosts).into(), &hosts)];
    assert_eq!(granted.files, expected);
    let missing = [("config/none.yaml".into(), "read")];
    let refused = ask(&missing, &bounds).await.unwrap_err().to_string();
    assert!(refused.contains("config/none.yaml`: no file is there") && !own.join("config/none.yaml").exists(), "{refused}");
    let lenient = Ceiling { lenient: true, ..bounds.ceiling.clone() };
    let nothing = ask(&missing, &ToolBounds { ceiling: lenient, ..ToolBounds::default() }).await.unwrap();
    assert_eq!(nothing, Permissions::default());
    // Said to be a directory, it is made as one.
    ask(&[("data.d/**".into(), "read")], &bounds).await.unwrap();
    assert!(own.join("data.d").is_dir());
}

#[test]
fn no_link_leads_out_of_what_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    for path in ["srv/data", "srv/out", "secret", "tools/default"] {
        fs::create_dir_all(at(path)).unwrap();
    }
    fs::write(at("srv/data/file"), "").unwrap();
    fs::write(at("srv/out/file"), "").unwrap();
    symlink(at("srv/out/file"), at("srv/data/elsewhere")).unwrap();
    symlink(at("secret"), at("srv/data/link")).unwrap();
    let ceiling = Ceiling { readable: vec![at("srv")], writable: vec![at("srv/out")], own: at("tools"), ..Ceiling::default() };
    let own = ceiling.own_directory(&WorkspaceName::default(), "feeds");
    let check = |host: PathBuf, access: Access, expected: Result<Found, &str>| {
        let named = host.extension().is_some();
        let found = prepare(&DirectoryGrant { host: host.clone(), guest: "/x".into(), access }, named, &own, &ceiling);
        match (&found, expected) {
            (Ok(found), Ok(expected)) if *found == expected => {}
            (Err(found), Err(expected)) if found.contains(expected) => {}
            _ => panic!("{}: {found:?}, expected {expected:?}", host.display()),
        }
    };
    check(at("srv/data"), Access::Read, Ok(Found::Directory));
    check(at("srv/data"), Access::ReadWrite, Err("grants to no tool"));
    check(at("srv/out"), Access::ReadWrite, Ok(Found::Directory));
    check(at("srv/data/link"), Access::Read, Err("grants to no tool"));
    check(at("srv/data/file"), Access::Read, Ok(Found::File));
    check(at("srv/out/file"), Access::Read, Ok(Found::File));
    check(at("srv/out/file"), Access::ReadWrite, Err("granted for reading only"));
    check(at("srv/data/elsewhere"), Access::Read, Err("leads out of the directory of the file"));
    check(at("srv/nothing"), Access::Read, Err("No such file"));
    check(own.join("work/agent"), Access::ReadWrite, Ok(Found::Directory));
    assert!(own.join("work/agent").is_dir());
    check(own.join("config/app.yaml"), Access::Read, Err("put it there, or write `/**` behind it"));
    assert!(!own.join("config").exists());
    fs::create_dir(own.join("config")).unwrap();
    fs::write(own.join("config/app.yaml"), "a: 1").unwrap();
    fs::create_dir(own.join("v1.2")).unwrap();
    check(own.join("config/app.yaml"), Access::Read, Ok(Found::File));
    check(own.join("config/app.yaml"), Access::ReadWrite, Err("granted for reading only"));
    check(own.join("v1.2"), Access::ReadWrite, Ok(Found::Directory));
    symlink(at("secret"), own.join("out")).unwrap();
    check(own.join("out"), Access::Read, Err("leads out"));
    check(own.join("out/below"), Access::ReadWrite, Err("leads out"));
    assert!(!at("secret/below").exists());
}
