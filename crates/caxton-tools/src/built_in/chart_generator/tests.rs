use super::{data, draw, file_name};
use crate::built_in::{table::Given, work::Watch};
use roxmltree::Document;
use serde_json::{Value, json};

fn chart(arguments: Value, table: Option<&'static str>) -> Result<(Value, String, String), crate::Refusal> {
    let wanted: data::Wanted = serde_json::from_value(arguments).unwrap();
    let chart = data::gather(wanted, table.map(|text| Given::of("sales.csv", text)), &mut Watch::endless())?;
    Ok((chart.data("chart.svg"), chart.told("chart.svg"), draw::draw(&chart)?))
}

/// Texts of the picture, which is XML and says its size.
fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    assert_eq!(document.root_element().attribute("width"), Some("800"));
    document.descendants().filter(|node| node.has_tag_name("text")).map(|node| node.text().unwrap_or_default().trim().to_owned()).collect()
}

fn count(svg: &str, tag: &str) -> usize {
    Document::parse(svg).unwrap().descendants().filter(|node| node.has_tag_name(tag)).count()
}

const SALES: &str = "day,region,amount,cost\n2026-01-01,north & <east>,10,1\n2026-02-01,south,20,2\n2026-03-01,north & <east>,5,3\n";

#[test]
fn bars_are_summed_by_their_name_and_texts_are_escaped() {
    let (data, told, svg) =
        chart(json!({"kind": "bar", "title": "Sales <2026> & more", "x": "region", "y": ["amount", "cost"]}), Some(SALES)).unwrap();
    assert_eq!(data["x"], json!(["north & <east>", "south"]));
    assert_eq!(data["series"][0], json!({"name": "amount", "x": ["north & <east>", "south"], "values": [15, 20]}));
    assert!(told.contains("amount: north & <east> 15, south 20\ncost: north & <east> 4, south 2"), "{told}");
    let texts = texts(&svg);
    for expected in ["Sales <2026> & more", "north & <east>", "south", "region", "amount", "cost", "0", "20"] {
        assert!(texts.iter().any(|text| text == expected), "{expected}: {texts:?}");
    }
}

#[test]
fn every_kind_is_drawn() {
    let (data, _, svg) = chart(json!({"kind": "line", "x": "day", "y": ["amount"]}), Some(SALES)).unwrap();
    assert_eq!(data["series"][0]["x"], json!(["2026-01-01", "2026-02-01", "2026-03-01"]));
    assert_eq!((count(&svg, "circle"), texts(&svg).iter().any(|text| text.starts_with("2026-02-"))), (3, true));
    let (data, _, svg) = chart(json!({"kind": "scatter", "x": "amount", "y": ["cost"]}), Some(SALES)).unwrap();
    assert_eq!((data["series"][0]["x"].clone(), count(&svg, "circle")), (json!([10, 20, 5]), 3));
    let (_, told, svg) = chart(json!({"kind": "pie", "labels": ["a", "b"], "series": [{"values": [1, 3]}]}), None).unwrap();
    assert!(texts(&svg).contains(&"b: 3 (75 %)".to_owned()) && told.contains("a 1, b 3"), "{svg}");
    let (data, ..) =
        chart(json!({"kind": "histogram", "series": [{"name": "age", "values": [1, 2, null, 3, 4, 5]}], "bins": 2}), None).unwrap();
    assert_eq!(data["series"][0], json!({"name": "age", "x": [2, 4], "values": [2, 3]}));
    let (data, ..) = chart(json!({"kind": "bar", "x": "region", "aggregate": "count"}), Some(SALES)).unwrap();
    assert_eq!(data["series"][0]["values"], json!([2, 1]));
    let (data, ..) =
        chart(json!({"kind": "line", "labels": [1, 2.5], "series": [{"values": [1, null]}, {"x": [0], "values": [1e9]}]}), None).unwrap();
    assert_eq!(data["x"], json!([0, 1]));
    chart(json!({"kind": "line", "series": [{"values": [1e-9]}, {"values": [-1e140]}]}), None).unwrap();
    chart(json!({"kind": "bar", "width": 200, "height": 150, "series": [{"values": [0]}]}), None).unwrap();
}

#[test]
fn what_cannot_be_drawn_is_said_with_a_next_step() {
    let check = |arguments: Value, table: Option<&'static str>, reason: &str| {
        let refusal = chart(arguments, table).unwrap_err();
        assert!(refusal.reason.contains(reason) && refusal.hint.is_some(), "{refusal:?}");
    };
    check(json!({"kind": "bar", "labels": ["a"], "series": [{"values": [1, 2]}]}), None, "`series 1` has 2 values for 1 places");
    check(json!({"kind": "pie", "series": [{"values": [-1, 2]}]}), None, "positive");
    check(json!({"kind": "pie", "series": [{"values": [1]}, {"values": [1]}]}), None, "of one series, not of 2");
    check(json!({"kind": "bar", "x": "region"}), Some(SALES), "`y` is missing");
    check(json!({"kind": "bar", "x": "region", "y": ["day"]}), Some(SALES), "holds date, not numbers");
    check(json!({"kind": "line", "series": [{"values": [null]}]}), None, "nothing to draw");
    check(json!({"kind": "line", "series": [{"values": [1e200]}]}), None, "too large");
    check(json!({"kind": "bar", "series": [{"values": vec![1; 501]}]}), None, "501 bars");
}

#[test]
fn a_file_has_a_plain_name() {
    assert_eq!(file_name(None).unwrap(), "chart.svg");
    assert_eq!(file_name(Some("sales.svg")).unwrap(), "sales.svg");
    for wrong in ["../x", "a/b", ".x"] {
        assert!(file_name(Some(wrong)).is_err(), "{wrong}");
    }
}
