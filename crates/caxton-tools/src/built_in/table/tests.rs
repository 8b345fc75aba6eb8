use super::*;
use csv::{QuoteStyle, WriterBuilder};
use proptest::prelude::*;

/// The kinds of the columns and all values, as text.
fn read(name: &str, bytes: impl Into<bytes::Bytes>) -> Result<(Vec<String>, Vec<Vec<String>>), Refusal> {
    let table = Table::open(Given::of(name, bytes), &mut Watch::endless())?;
    let mut rows = vec![];
    table.each(&mut Watch::endless(), &mut |_, row| {
        rows.push(row.iter().map(|cell| cell.text().into_owned()).collect());
        Ok(())
    })?;
    assert_eq!(rows.len() as u64, table.rows);
    Ok((table.columns.iter().map(|column| format!("{}:{}", column.name, column.kind.as_str())).collect(), rows))
}

#[test]
fn a_table_is_read_as_it_is_written() {
    let check = |name: &str, text: &str, columns: &[&str], rows: &[&[&str]]| {
        let (found, values) = read(name, text.to_owned()).unwrap();
        assert_eq!(found, columns, "{text:?}");
        assert_eq!(values, rows, "{text:?}");
    };
    check("a.csv", "city,people\nOslo,7\nBergen,\n", &["city:text", "people:integer"], &[&["Oslo", "7"], &["Bergen", ""]]);
    check("a.csv", "\u{feff}a;b\r\n1,5;x, y\r\n2,25;z\r\n", &["a:number", "b:text"], &[&["1.5", "x, y"], &["2.25", "z"]]);
    check(
        "a.txt",
        "1\t2026-01-31\ttrue\n2\t2026-02-01\tfalse\n",
        &["column_1:integer", "column_2:date", "column_3:boolean"],
        &[&["1", "2026-01-31", "true"], &["2", "2026-02-01", "false"]],
    );
    check(
        "a.csv",
        "id|code|code\n1|007|NA\n2|008|x\n",
        &["id:integer", "code:text", "code_2:text"],
        &[&["1", "007", "NA"], &["2", "008", "x"]],
    );
    check(
        "a.csv",
        "n,at\n\"1,200\",2026-01-31 10:00:00\nN/A,2026-01-31\n",
        &["n:number", "at:datetime"],
        &[&["1200", "2026-01-31 10:00:00"], &["", "2026-01-31"]],
    );
    check("a.csv", "one\n1\n2\n", &["one:integer"], &[&["1"], &["2"]]);
    check("a.csv", "", &[], &[]);
    check(
        "a.json",
        r#"[{"b": 1, "a": "x"}, {"a": null, "c": [1]}, {"b": 2.5}]"#,
        &["b:number", "a:text", "c:json"],
        &[&["1", "x", ""], &["", "", "[1]"], &["2.5", "", ""]],
    );
    check(
        "log.ndjson",
        "{\"at\": \"2026-01-31T10:00:00Z\", \"n\": 1}\n{\"at\": null, \"n\": true}\n",
        &["at:datetime", "n:mixed"],
        &[&["2026-01-31T10:00:00Z", "1"], &["", "true"]],
    );
}

#[test]
fn repeated_names_are_numbered_where_no_other_column_has_that_name() {
    let check = |header: &str, columns: &[&str]| {
        let given = Given::of("a.csv", format!("{header}\n"));
        let names: Vec<_> = Table::open(given, &mut Watch::endless()).unwrap().columns.into_iter().map(|column| column.name).collect();
        assert_eq!(names, columns, "{header}");
    };
    // A row of words that repeats itself names its columns only where values stand below.
    check("a,a,a_2,a,a_2\n1,2,3,4,5", &["a", "a_2", "a_2_2", "a_3", "a_2_3"]);
    check("b,a_2,a,a,a\n1,2,3,4,5", &["b", "a_2", "a", "a_3", "a_4"]);
}

#[test]
fn a_table_that_is_too_wide_is_refused_before_anything_is_made_of_its_columns() {
    let check = |name: &str, text: String, expected: &str| {
        let refusal = read(name, text).unwrap_err();
        assert_eq!((refusal.code, refusal.reason.as_str()), (caxton_types::Code::TooLarge, expected));
    };
    let wide = |name: &str| format!("`{name}` has more than 1000 columns");
    // The same name over and over: each would be compared with all before it.
    check("a.csv", format!("{}a\n{}1\n", "a,".repeat(9_999), "1,".repeat(9_999)), &wide("a.csv"));
    let members = (0..=1000).map(|at| format!("\"c{at}\":{at}")).collect::<Vec<_>>().join(",");
    check("a.json", format!("[{{{members}}}]"), &wide("a.json"));
    check("a.ndjson", format!("{{{}\"a\":0}}\n", "\"a\":0,".repeat(1001)), &wide("a.ndjson"));
    // What stands in one row is read into memory as a whole.
    let long = |name: &str| format!("`{name}`: one row is larger than 8MiB");
    check("a.csv", ",".repeat((8 << 20) + 1), &long("a.csv"));
    check("a.ndjson", format!("{{\"a\":1}}\n{{\"a\":[{}0]}}", "0,".repeat(5 << 20)), &long("a.ndjson"));
}

#[test]
fn rows_are_bounded_one_by_one() {
    let row = format!("{},1\n", "x".repeat(5 << 20));
    let (columns, rows) = read("a.csv", format!("text,n\n{row}{row}")).unwrap();
    assert_eq!((columns, rows.len()), (vec!["text:text".to_owned(), "n:integer".to_owned()], 2));
    let row = format!("{{\"text\":\"{}\",\"n\":1}}", "x".repeat(5 << 20));
    assert_eq!(read("a.json", format!("[{row},{row}]")).unwrap().1.len(), 2);
}

#[test]
fn what_is_broken_is_said_with_its_place() {
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let refusal = read(name, bytes.to_vec()).unwrap_err();
        assert!(refusal.reason.contains(expected), "{refusal:?}");
        assert!(refusal.hint.is_some(), "{refusal:?}");
    };
    check("a.csv", b"a,b\n1,2\n3\n", "`a.csv`, line 3: the row has 1 fields, those before it 2");
    check("a.csv", b"a,b\n1,2\n3,\xff\n", "`a.csv`, line 3, column 2: the text is not UTF-8");
    check("a.csv", b"\xff\xfea\0,\0", "`a.csv`, line 1, column 1: the file is UTF-16");
    check("a.json", b"[{\"a\": 1},\n {\"a\": }]", "`a.json` cannot be read: expected value at line 2 column 8");
    check("a.json", b"[1]", "expected an object, for each row one at line 1 column 3");
    check("a.ndjson", b"{\"a\": 1}\n{\"a\"\n", "line 3 column 0");
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        (-100_000..100_000i32).prop_map(|number| number.to_string()),
        (0..1_000_000u32).prop_map(|number| format!("{}.{:02}", number / 100, number % 100)),
        "[A-Z][a-z]{2,8}",
        "[A-Z][a-z]{2,8}[,;|] [a-z]{1,6}",
        "[A-Z][a-z]{2,8} \"[a-z]{1,6}\" [a-z]{1,4}",
        "[A-Z][a-z]{2,8}\n[a-zäöüß]{1,6}",
        Just("2026-01-31".to_owned()),
        Just(String::new()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_marks_a_table_is_written_with_it_comes_back(
        (width, rows) in (2..7usize).prop_flat_map(|width| (Just(width), proptest::collection::vec(proptest::collection::vec(field(), width), 2..30))),
        delimiter in proptest::sample::select(vec![b',', b';', b'\t', b'|']),
        style in proptest::sample::select(vec![QuoteStyle::Always, QuoteStyle::Necessary]),
        mark in any::<bool>(),
        crlf in any::<bool>(),
    ) {
        let mut bytes = if mark { "\u{feff}".as_bytes().to_vec() } else { vec![] };
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = WriterBuilder::new().delimiter(delimiter).quote_style(style).terminator(terminator).from_writer(&mut bytes);
        writer.write_record((0..width).map(|at| format!("name {at}"))).unwrap();
        // Something in every row, or the row is an empty line.
        let rows: Vec<Vec<String>> = rows.into_iter().enumerate().map(|(at, mut row)| { row[0] = format!("Row {at}"); row }).collect();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        drop(writer);
        let (columns, values) = read("table.csv", bytes).unwrap();
        prop_assert_eq!(columns.len(), width);
        for (row, expected) in values.iter().zip(&rows) {
            for (value, expected) in row.iter().zip(expected) {
                // A number may be written in several ways, and is shown in one.
                let same = value == expected || value.parse::<f64>().ok().zip(expected.parse::<f64>().ok()).is_some_and(|(one, two)| one.total_cmp(&two).is_eq());
                prop_assert!(same, "{:?} is not {:?}", value, expected);
            }
        }
        prop_assert_eq!(values.len(), rows.len());
    }
}
