//! The built-in reader of tables.

use crate::support::Bench;
use caxton_tools::{Attachment, Error, Options};
use caxton_types::{Code, Fault as _};
use serde_json::{Value, json};

const SALES: &str =
    "region,amount,day\nnorth,10,2026-01-03\nsouth,7,2026-01-01\nnorth,,2026-01-02\neast,25,2026-02-01\nNorth,3,2026-02-02\n";

async fn read(arguments: Value) -> Result<Value, Error> {
    let files = [Attachment::bytes("sales.csv", SALES)];
    let called = Bench::new(Options::default()).call("data_reader__read", arguments, &files).await?;
    assert!(called.metering.cpu_us.is_some(), "computing is accounted");
    Ok(called.result.structured.unwrap())
}

#[tokio::test]
async fn rows_are_selected_filtered_sorted_and_paged() {
    let check = async |arguments: Value, expected: Value| {
        let found = read(arguments.clone()).await.unwrap();
        assert_eq!(found["rows"], expected, "{arguments}");
    };
    let when = |column: &str, op: &str, value: Value| json!({"column": column, "op": op, "value": value});
    check(json!({"columns": ["amount"], "limit": 2}), json!([[10], [7]])).await;
    check(json!({"columns": ["amount"], "where": [when("amount", ">=", json!(10))]}), json!([[10], [25]])).await;
    check(json!({"columns": ["amount"], "where": [when("region", "=", json!("north"))]}), json!([[10], [null]])).await;
    check(
        json!({"columns": ["amount"], "where": [{"column": "region", "op": "=", "value": "NORTH", "ignore_case": true}]}),
        json!([[10], [null], [3]]),
    )
    .await;
    check(
        json!({"columns": ["region"], "where": [when("day", "<", json!("2026-01-03"))], "sort": [{"column": "day"}]}),
        json!([["south"], ["north"]]),
    )
    .await;
    check(json!({"columns": ["amount"], "where": [{"column": "amount", "op": "is_null"}]}), json!([[null]])).await;
    check(json!({"columns": ["region"], "where": [when("amount", "in", json!([7, 25]))]}), json!([["south"], ["east"]])).await;
    check(
        json!({"columns": ["amount"], "where": [when("region", "starts_with", json!("e")), when("amount", "<", json!(5))], "any": true}),
        json!([[25], [3]]),
    )
    .await;
    check(json!({"columns": ["amount"], "sort": [{"column": "amount", "descending": true}]}), json!([[25], [10], [7], [3], [null]])).await;
    check(
        json!({"columns": ["amount", "region"], "sort": [{"column": "region"}, {"column": "amount"}], "limit": 2, "offset": 1}),
        json!([[25, "east"], [10, "north"]]),
    )
    .await;
}

#[tokio::test]
async fn a_result_says_where_it_goes_on_and_how_the_table_is_written() {
    let found = read(json!({"limit": 2, "offset": 1})).await.unwrap();
    assert_eq!(
        (&found["total"], &found["matched"], &found["next_offset"], &found["source"]),
        (&json!(5), &json!(5), &json!(3), &json!({"format": "csv", "delimiter": ",", "quote": "\"", "header": true}))
    );
    assert_eq!(found["columns"][2], json!({"name": "day", "type": "date"}));
    assert_eq!(read(json!({"offset": 3})).await.unwrap()["next_offset"], Value::Null);
    let long = format!("a,b\n{}", format!("{},1\n", "x".repeat(100_000)).repeat(5));
    let found = read(json!({"text": long})).await.unwrap();
    assert_eq!((found["rows"].as_array().unwrap().len(), &found["next_offset"]), (2, &json!(2)));
}

#[tokio::test]
async fn a_profile_tells_what_columns_hold() {
    let bench = Bench::new(Options::default());
    let called = bench.call("data_reader__profile", json!({"text": SALES}), &[]).await.unwrap();
    let columns = called.result.structured.unwrap()["columns"].clone();
    assert_eq!(
        columns[1],
        json!({
            "name": "amount", "type": "integer", "missing": 1, "distinct": 4, "distinct_is_exact": true, "min": 3, "max": 25, "mean": 11.25,
            "top": [{"value": "10", "count": 1}, {"value": "25", "count": 1}, {"value": "3", "count": 1}, {"value": "7", "count": 1}]
        })
    );
    assert_eq!((&columns[2]["min"], &columns[0]["top"][0]), (&json!("2026-01-01"), &json!({"value": "north", "count": 2})));
    assert!(
        called.result.text.contains("- region (text): 0 missing, 4 distinct, North to south; most frequent: north (2)"),
        "{}",
        called.result.text
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_a_next_step() {
    let check = async |arguments: Value, code: Code, reason: &str, hint: &str| {
        let error = read(arguments).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(reason) && error.hint().unwrap_or_default().contains(hint), "{error} ({:?})", error.hint());
    };
    check(json!({"attachment": "sale.csv"}), Code::NotFound, "no attachment is named `sale.csv`", "did you mean `sales.csv`?").await;
    check(json!({"columns": ["amunt"]}), Code::Invalid, "`sales.csv` has no column `amunt`", "did you mean `amount`?").await;
    check(json!({"text": "a,b\n1\n"}), Code::Invalid, "`text`, line 2: the row has 1 fields, those before it 2", "mend the line").await;
    check(json!({"where": [{"column": "amount", "op": ">", "value": "many"}]}), Code::Invalid, "the column holds integer", "").await;
    check(json!({"text": "a", "attachment": "sales.csv"}), Code::Invalid, "both `attachment` and `text`", "give one").await;
    check(json!({"where": [{"column": "amount", "op": "like"}]}), Code::Invalid, "cannot take these arguments", "").await;
}
