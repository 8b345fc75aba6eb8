//! The built-in calculator of figures.

use crate::support::Bench;
use caxton_tools::{Attachment, Error, Options};
use caxton_types::{Code, Fault as _};
use serde_json::{Value, json};

const TABLE: &str = "shop,sold,price\na,1,10\nb,2,20\na,3,\nb,4,40\nc,,50\n";

async fn call(tool: &str, arguments: Value) -> Result<Value, Error> {
    let files = [Attachment::bytes("shops.csv", TABLE)];
    let called = Bench::new(Options::default()).call(tool, arguments, &files).await?;
    Ok(called.result.structured.unwrap())
}

#[tokio::test]
async fn numbers_are_described() {
    let found = call("stats_calculator__describe", json!({"numbers": [4, 1, 3, 2], "percentiles": [25, 90]})).await.unwrap();
    assert_eq!(found["method"], "linear interpolation (Hyndman and Fan, type 7)");
    assert_eq!(
        found["results"],
        json!([{
            "column": "numbers", "count": 4, "missing": 0, "sum": 10, "mean": 2.5, "median": 2.5, "min": 1, "max": 4,
            "variance_sample": 5.0 / 3.0, "variance_population": 1.25, "stddev_sample": (5.0f64 / 3.0).sqrt(), "stddev_population": 1.25f64.sqrt(),
            "percentiles": [{"percent": 25.0, "value": 1.75}, {"percent": 90.0, "value": 3.7}]
        }])
    );
}

#[tokio::test]
async fn columns_are_described_in_groups() {
    let found = call("stats_calculator__describe", json!({"columns": ["sold"], "group_by": "shop", "percentiles": []})).await.unwrap();
    let figures: Vec<_> = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["group"], one["sum"], one["missing"], one["mean"], one["stddev_sample"]]))
        .collect();
    assert_eq!(json!(figures), json!([["a", 4, 0, 2, 2.0f64.sqrt()], ["b", 6, 0, 3, 2.0f64.sqrt()], ["c", 0, 1, null, null]]));
    let found = call("stats_calculator__describe", json!({})).await.unwrap();
    let columns: Vec<_> =
        found["results"].as_array().unwrap().iter().map(|one| json!([one["column"], one["count"], one["mean"]])).collect();
    assert_eq!(json!(columns), json!([["sold", 4, 2.5], ["price", 4, 30]]));
}

#[tokio::test]
async fn series_are_compared() {
    let found = call("stats_calculator__correlate", json!({"columns": ["sold", "price"]})).await.unwrap();
    assert_eq!(found["pairs"], json!([{"x": "sold", "y": "price", "coefficient": 1, "count": 3}]));
    let found = call("stats_calculator__correlate", json!({"x": [1, 2, 3], "y": [10, 1000, 20], "method": "spearman"})).await.unwrap();
    assert!((found["pairs"][0]["coefficient"].as_f64().unwrap() - 0.5).abs() < 1e-12, "{found}");
    let found = call("stats_calculator__regress", json!({"x": "sold", "y": "price"})).await.unwrap();
    assert_eq!(
        [&found["slope"], &found["intercept"], &found["r_squared"], &found["missing"]],
        [&json!(10), &json!(0), &json!(1), &json!(2)]
    );
    let found = call("stats_calculator__regress", json!({"x": [0, 1, 2, 3], "y": [1, 3, 2, 5]})).await.unwrap();
    let near = |name: &str, expected: f64| (found[name].as_f64().unwrap() - expected).abs() < 1e-12;
    assert!(near("slope", 1.1) && near("intercept", 1.1) && near("standard_error_of_slope", (1.35f64 / 5.0).sqrt()), "{found}");
}

#[tokio::test]
async fn numbers_are_counted_in_classes() {
    let found = call("stats_calculator__histogram", json!({"values": [0, 1, 2, 3, 4], "bins": 2})).await.unwrap();
    assert_eq!(found["bins"], json!([{"low": 0, "high": 2, "count": 2}, {"low": 2, "high": 4, "count": 3}]));
    let found = call("stats_calculator__histogram", json!({"values": "price"})).await.unwrap();
    assert_eq!((&found["count"], &found["missing"]), (&json!(4), &json!(1)));
}

#[tokio::test]
async fn what_is_not_a_number_is_said() {
    let check = async |tool: &str, arguments: Value, reason: &str, hint: &str| {
        let error = call(tool, arguments).await.unwrap_err();
        assert_eq!(error.code(), Code::Invalid, "{error}");
        assert!(error.to_string().contains(reason) && error.hint().unwrap_or_default().contains(hint), "{error} ({:?})", error.hint());
    };
    check(
        "stats_calculator__describe",
        json!({"columns": ["shop"]}),
        "column `shop` of `shops.csv` holds text, not numbers",
        "these are: `sold`, `price`",
    )
    .await;
    check("stats_calculator__describe", json!({"numbers": [1], "columns": ["sold"]}), "both numbers and a table are given", "or a table")
        .await;
    check("stats_calculator__correlate", json!({"x": [1, 2], "y": [1]}), "the series have 2 and 1 numbers", "in pairs").await;
    check(
        "stats_calculator__correlate",
        json!({"columns": ["sold", "price"], "x": "sold"}),
        "it is not said what to compare",
        "`x` and `y`",
    )
    .await;
    check("stats_calculator__regress", json!({"x": [1, 1], "y": [1, 2]}), "in which `x` does not vary", "different `x`").await;
    check("stats_calculator__describe", json!({"text": "a\nx\n"}), "no column of `text` holds numbers", "profile").await;
}
