//! Rows, prefixes and the table.
use super::*;
use serde_json::{Value, json};

fn row(change: &Value) -> Value {
    let mut row =
        json!({"id": "journal.batches_64", "what": "batches", "unit": "1/s", "better": "higher", "ours": 70.0, "goal": 60, "met": true});
    for (key, value) in change.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}

fn parse(change: &Value) -> Result<Row> {
    row::parse(&row(change).to_string())
}

#[test]
fn a_row_is_kept_as_it_was_printed() {
    let whole = row(&json!({
        "p99": 80.0, "floor": 100.0, "floor_name": "SQLite", "peer": 50.0, "peer_name": "other", "seed": 10.0, "goal": 60.0,
        "durability": "full", "note": "64 writers"
    }));
    assert_eq!(serde_json::to_value(row::parse(&whole.to_string()).unwrap()).unwrap(), whole);
}

#[test]
fn rows_that_do_not_hold_together_are_refused() {
    assert!(parse(&json!({})).is_ok());
    assert!(parse(&json!({"better": "lower", "met": false})).is_ok());
    assert!(parse(&json!({"goal": null})).is_ok());
    for bad in [
        json!({"id": "journal"}),
        json!({"id": "journal."}),
        json!({"id": "Journal.x"}),
        json!({"id": "weather.x"}),
        json!({"what": " "}),
        json!({"better": "faster"}),
        json!({"ours": "70"}),
        json!({"ours": -1}),
        json!({"met": false}),
        json!({"better": "lower"}),
        json!({"goal": null, "met": false}),
        json!({"floor": 1.0}),
        json!({"peer_name": "other"}),
        json!({"durability": "some"}),
        json!({"colour": "red"}),
    ] {
        assert!(parse(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_prefix_selects_rows_and_benches() {
    let of = |prefix: &str| benches_for(prefix).unwrap();
    assert_eq!(of("").len(), 9);
    assert_eq!(of("sandbox"), ["sandbox", "neighbours"]);
    assert_eq!(of("journal"), ["journal"]);
    assert_eq!(of("turns.overhead"), ["turns"]);
    assert_eq!(of("t"), ["turns", "tools", "languages"]);
    assert_eq!(
        benches_for("jornal").unwrap_err().to_string(),
        "no bench is called `jornal`: did you mean `journal`? There are turns, journal, sandbox, tools, mcp, exchange, server"
    );
    assert!(benches_for("turn.overhead").is_err());
    let output = format!("{}\n\nnot a row\n{}\n", row(&json!({})), row(&json!({"id": "journal.other"})));
    let ids = |prefix: &str| rows_of(&output, prefix).unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids("journal"), ["journal.batches_64", "journal.other"]);
    assert_eq!(ids("journal.b"), ["journal.batches_64"]);
    assert!(rows_of("{\"id\": 1}", "").is_err());
}

#[test]
fn cargo_tells_where_the_programs_are() {
    let built = |name: &str, executable: Value| {
        json!({"reason": "compiler-artifact", "target": {"name": name}, "executable": executable}).to_string()
    };
    let messages = [
        built("caxton_store", json!(null)),
        built("caxton-bench", json!("/t/caxton-bench")),
        json!({"reason": "build-finished", "success": true}).to_string(),
    ];
    let programs = BTreeMap::from([("caxton-bench".to_owned(), PathBuf::from("/t/caxton-bench"))]);
    assert_eq!(programs_of(&messages.join("\n")).unwrap(), programs);
    assert!(programs_of("{").is_err());
}

#[test]
fn the_report_is_an_array_of_distinct_rows() {
    let root = tempfile::tempdir().unwrap();
    let repo = Repo::at(root.path());
    let one = parse(&json!({})).unwrap();
    assert!(report(&repo, &[], "x").is_err());
    assert!(report(&repo, &[one.clone(), one.clone()], "").is_err());
    report(&repo, std::slice::from_ref(&one), "").unwrap();
    let written = fs::read_to_string(root.path().join("target/bench/report.json")).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Row>>(&written).unwrap(), [one]);
}

#[test]
fn the_table_is_aligned() {
    let rows = [
        parse(&json!({"floor": 100.0, "floor_name": "SQLite", "durability": "full"})).unwrap(),
        parse(&json!({"id": "server.boot", "what": "boot", "unit": "ms", "better": "lower", "ours": 312.4, "p99": 400, "goal": 300, "met": false, "seed": 0.045}))
            .unwrap(),
    ];
    let expected = "\
what            unit  ours           seed    floor/peer  goal     met
batches (full)  1/s   70.0           -       100 SQLite  >= 60.0  yes
boot            ms    312 (p99 400)  0.0450  -           <= 300   NO";
    assert_eq!(table::of(&rows), expected);
}

#[test]
fn what_takes_long_to_prepare_is_prepared_for_rows_that_are_wanted() {
    let rows = ["tools.cold_", "tools.calls_"];
    for (prefix, wanted) in
        [("", true), ("tools", true), ("tools.calls", true), ("tools.cold_js", true), ("tools.call_warm", false), ("mcp", false)]
    {
        assert_eq!(wants(prefix, &rows), wanted, "{prefix}");
    }
}
