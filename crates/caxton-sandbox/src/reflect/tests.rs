//! Values to JSON and back, for any type; and that the schema tells the truth about both.

use proptest::{collection::vec, option, prelude::*, test_runner::Config};
use serde_json::json;

use super::{
    shape::{Int, Shape},
    *,
};

const INTS: [Int; 8] = [Int::S8, Int::U8, Int::S16, Int::U16, Int::S32, Int::U32, Int::S64, Int::U64];

fn names(count: usize) -> Vec<Box<str>> {
    (0..count).map(|number| format!("name-{number}").into()).collect()
}

fn named<T>(items: Vec<T>) -> Vec<(Box<str>, T)> {
    names(items.len()).into_iter().zip(items).collect()
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        prop::sample::select(INTS.to_vec()).prop_map(Shape::Int),
        prop::sample::select(vec![Shape::Bool, Shape::Float32, Shape::Float64, Shape::Char, Shape::String, Shape::Bytes]),
        (1..5_usize).prop_map(|count| Shape::Enum(names(count))),
        (1..70_usize).prop_map(|count| Shape::Flags(names(count))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            // A list of bytes has a shape of its own.
            boxed().prop_map(|inner| if *inner == Shape::Int(Int::U8) { Shape::Bytes } else { Shape::List(inner) }),
            vec(inner.clone(), 1..5).prop_map(|fields| Shape::Record(named(fields))),
            vec(inner.clone(), 1..5).prop_map(Shape::Tuple),
            vec(option::of(inner.clone()), 1..5).prop_map(|cases| Shape::Variant(named(cases))),
            boxed().prop_map(Shape::Option),
            (option::of(boxed()), option::of(boxed())).prop_map(|(ok, failure)| Shape::Result(ok, failure)),
        ]
    })
}

fn integers(int: Int) -> BoxedStrategy<Val> {
    let (least, greatest) = int.range();
    let edges = [least, greatest, 0, 1 << 53, (1 << 53) + 1, -(1 << 53), -(1 << 53) - 1];
    let edges: Vec<i128> = edges.into_iter().filter(|edge| (least..=greatest).contains(edge)).collect();
    prop_oneof![least..=greatest, prop::sample::select(edges)].prop_map(move |number| int.val(number).unwrap()).boxed()
}

fn values(shape: &Shape) -> BoxedStrategy<Val> {
    let payload =
        |shape: Option<&Shape>| shape.map_or_else(|| Just(None).boxed(), |shape| values(shape).prop_map(|val| Some(Box::new(val))).boxed());
    match shape {
        Shape::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Shape::Int(int) => integers(*int),
        Shape::Float32 => {
            prop_oneof![any::<u32>().prop_map(f32::from_bits), any::<f32>(), Just(0.1), Just(-0.0)].prop_map(Val::Float32).boxed()
        }
        Shape::Float64 => {
            prop_oneof![any::<u64>().prop_map(f64::from_bits), any::<f64>(), Just(0.1), Just(-0.0)].prop_map(Val::Float64).boxed()
        }
        Shape::Char => any::<char>().prop_map(Val::Char).boxed(),
        Shape::String => any::<String>().prop_map(Val::String).boxed(),
        Shape::Bytes => vec(any::<u8>().prop_map(Val::U8), 0..20).prop_map(Val::List).boxed(),
        Shape::List(element) => vec(values(element), 0..4).prop_map(Val::List).boxed(),
        Shape::Record(fields) => {
            let names: Vec<String> = fields.iter().map(|(name, _)| name.to_string()).collect();
            let all: Vec<_> = fields.iter().map(|(_, shape)| values(shape)).collect();
            all.prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect())).boxed()
        }
        Shape::Tuple(shapes) => shapes.iter().map(values).collect::<Vec<_>>().prop_map(Val::Tuple).boxed(),
        Shape::Variant(cases) => prop::strategy::Union::new(cases.iter().map(|(name, shape)| {
            let name = name.to_string();
            payload(shape.as_ref()).prop_map(move |val| Val::Variant(name.clone(), val))
        }))
        .boxed(),
        Shape::Enum(names) => prop::sample::select(names.clone()).prop_map(|name| Val::Enum(name.into())).boxed(),
        Shape::Flags(names) => prop::sample::subsequence(names.clone(), 0..=names.len())
            .prop_map(|set| Val::Flags(set.into_iter().map(Into::into).collect()))
            .boxed(),
        Shape::Option(inner) => {
            prop_oneof![Just(Val::Option(None)), values(inner).prop_map(|val| Val::Option(Some(Box::new(val))))].boxed()
        }
        Shape::Result(ok, failure) => prop_oneof![
            payload(ok.as_deref()).prop_map(|val| Val::Result(Ok(val))),
            payload(failure.as_deref()).prop_map(|val| Val::Result(Err(val))),
        ]
        .boxed(),
    }
}

fn read_one(shape: &Shape, json: &Value) -> Result<Val, String> {
    let params = [("it".into(), shape.clone())];
    Ok(read::arguments(&params, &json!({"it": json}).to_string())?.pop().unwrap())
}

fn fits(schema: &Value, json: &Value) -> bool {
    jsonschema::validator_for(schema).unwrap().is_valid(json)
}

fn shapes_with_values() -> impl Strategy<Value = (Shape, Val)> {
    shapes().prop_flat_map(|shape| values(&shape).prop_map(move |val| (shape.clone(), val)))
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_value_comes_back_from_its_json_and_fits_the_schema((shape, val) in shapes_with_values()) {
        let json = write::value(&shape, &val).unwrap();
        // Also through text, as it travels.
        let json: Value = serde_json::from_str(&json.to_string()).unwrap();
        prop_assert_eq!(read_one(&shape, &json), Ok(val));
        let schema = schema::of_arguments(&[("it".into(), shape)]);
        prop_assert!(fits(&schema, &json!({"it": json})), "{schema} {json}");
    }

    #[test]
    fn what_is_answered_fits_the_output_schema((shape, val) in shapes_with_values()) {
        let answer: Value = serde_json::from_str(&answer(Some(&shape), Some(&val)).unwrap()).unwrap();
        let failed = matches!(val, Val::Result(Err(_)));
        prop_assert_eq!(&answer["isError"], &if failed { Value::Bool(true) } else { Value::Null });
        match (schema::of_result(Some(&shape)), answer.get("structuredContent")) {
            (Some(schema), structured) => prop_assert!(fits(&schema, structured.unwrap()), "{schema} {answer}"),
            (None, structured) => prop_assert_eq!(structured.is_some(), failed),
        }
    }

    #[test]
    fn what_is_read_fits_the_schema(shape in shapes(), other in shapes_with_values()) {
        // JSON made for another type: taken only where the schema says so too.
        let json = write::value(&other.0, &other.1).unwrap();
        if read_one(&shape, &json).is_ok() {
            let schema = schema::of_arguments(&[("it".into(), shape)]);
            prop_assert!(fits(&schema, &json!({"it": json})), "{schema} {json}");
        }
    }
}

fn int(int: Int) -> Shape {
    Shape::Int(int)
}

#[test]
fn integers_are_read_from_numbers_and_wide_ones_from_text_too() {
    for (shape, json, expected) in [
        (int(Int::U8), json!(255), Some(Val::U8(255))),
        (int(Int::U8), json!(3.0), Some(Val::U8(3))),
        (int(Int::U8), json!(256), None),
        (int(Int::U8), json!(-1), None),
        (int(Int::U8), json!(1.5), None),
        (int(Int::U8), json!("1"), None),
        (int(Int::S64), json!("-9223372036854775808"), Some(Val::S64(i64::MIN))),
        (int(Int::U64), json!(u64::MAX), Some(Val::U64(u64::MAX))),
        (int(Int::U64), json!("18446744073709551616"), None),
        (int(Int::U64), json!("+1"), None),
        (int(Int::U64), json!("1e3"), None),
        (int(Int::S64), json!(null), None),
    ] {
        assert_eq!(read_one(&shape, &json).ok(), expected, "{shape:?} {json}");
    }
    let written = |val| write::value(&int(Int::S64), &val).unwrap();
    assert_eq!(written(Val::S64(1 << 53)), json!(1_i64 << 53));
    assert_eq!(written(Val::S64((1 << 53) + 1)), json!("9007199254740993"));
}

#[test]
fn floats_that_json_has_no_number_for_are_words() {
    for (val, json) in [(f64::NAN, json!("NaN")), (f64::INFINITY, json!("Infinity")), (f64::NEG_INFINITY, json!("-Infinity"))] {
        assert_eq!(write::value(&Shape::Float64, &Val::Float64(val)).unwrap(), json);
        assert_eq!(read_one(&Shape::Float64, &json).unwrap(), Val::Float64(val));
    }
    assert_eq!(write::value(&Shape::Float32, &Val::Float32(0.1)).unwrap().to_string(), "0.1");
    assert!(read_one(&Shape::Float32, &json!(1e39)).is_err());
    assert!(read_one(&Shape::Float64, &json!("inf")).is_err());
}

#[test]
fn options_may_be_left_out_also_within_options() {
    let maybe = |shape| Shape::Option(Box::new(shape));
    let record = Shape::Record(vec![("a".into(), maybe(maybe(Shape::Bool))), ("b".into(), Shape::Bool)]);
    let read = |json| read_one(&record, &json).map(|val| if let Val::Record(fields) = val { fields[0].1.clone() } else { val });
    let some = |val| Val::Option(Some(Box::new(val)));
    assert_eq!(read(json!({"b": true})).unwrap(), Val::Option(None));
    assert_eq!(read(json!({"b": true, "a": null})).unwrap(), Val::Option(None));
    assert_eq!(read(json!({"b": true, "a": {"some": null}})).unwrap(), some(Val::Option(None)));
    assert_eq!(read(json!({"b": true, "a": {"some": true}})).unwrap(), some(some(Val::Bool(true))));
    assert_eq!(read(json!({"b": true, "a": true})).unwrap_err(), "`it.a` must be null or an object with `some`, not a boolean");
    assert_eq!(read(json!({"a": null})).unwrap_err(), "`it.b` is missing");
    let schema = schema::of_arguments(&[("x".into(), maybe(Shape::Bool)), ("y".into(), Shape::Bool)]);
    assert_eq!(schema["required"], json!(["y"]));
}

#[test]
fn mistakes_are_told_with_their_place() {
    let point = Shape::Record(vec![("lat".into(), Shape::Float64), ("long".into(), Shape::Float64)]);
    let kinds = Shape::Variant(vec![("all".into(), None), ("near".into(), Some(point.clone()))]);
    let params = [
        ("points".into(), Shape::List(Box::new(point))),
        ("kind".into(), Shape::Option(Box::new(kinds))),
        ("marks".into(), Shape::Flags(vec!["bold".into(), "big".into()])),
    ];
    let full = |points: Value, kind: Value, marks: Value| json!({"points": points, "kind": kind, "marks": marks}).to_string();
    for (arguments, expected) in [
        ("[]".to_owned(), "the arguments must be an object, not an array"),
        ("{}".to_owned(), "`points` is missing"),
        (r#"{"point":1}"#.to_owned(), "the call has no `point`; did you mean `points`?"),
        (
            full(json!([{"lat": 1, "long": 2}, {"lat": 1, "lon": 2}]), json!(null), json!([])),
            "`points[1]` has no `lon`; did you mean `long`?",
        ),
        (full(json!([]), json!({"tag": "far"}), json!([])), "`kind.tag` must be one of all, near"),
        (full(json!([]), json!({"tag": "near"}), json!([])), "`kind.val` is missing"),
        (full(json!([]), json!({"tag": "all", "val": 1}), json!([])), "`kind` has no `val` where `tag` is `all`"),
        (full(json!([]), json!(null), json!(["bold", "bold"])), "`marks[1]` names `bold` again"),
    ] {
        assert_eq!(read::arguments(&params, &arguments).unwrap_err(), expected);
    }
}

#[test]
fn arguments_have_a_bound() {
    let json = format!(r#"{{"it":[{}0]}}"#, "0,".repeat(1 << 20));
    let error = read::arguments(&[("it".into(), Shape::List(Box::new(int(Int::S8))))], &json).unwrap_err();
    assert!(error.ends_with("the arguments have more than 1048576 values"), "{error}");
    let deep = format!(r#"{{"it":{}}}"#, "[".repeat(100_000));
    assert!(read::arguments(&[("it".into(), Shape::Bool)], &deep).is_err());
}
