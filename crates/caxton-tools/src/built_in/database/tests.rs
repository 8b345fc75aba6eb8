use super::{connection, connection::May, query, schema};
use crate::{
    Refusal,
    built_in::{grants::Granted, work::Watch},
};
use caxton_types::{Access, Code, unit::ByteSize};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

struct Bench {
    dir: TempDir,
    file: Granted,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("orders.db");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch(
            "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL, picture BLOB);
             INSERT INTO item VALUES (1, 'pen', 1.5, NULL), (2, 'ink', 7, x'00ff');
             CREATE VIEW cheap AS SELECT * FROM item WHERE price < 2;",
        )
        .unwrap();
        let file = Granted { name: "orders".into(), path, access: Access::ReadWrite, len_max: ByteSize::mib(1) };
        Self { dir, file }
    }

    fn query(&self, sql: &str, params: Value) -> Result<Value, Refusal> {
        let watch = Watch::endless();
        let conn = connection::open(&self.file, May::Read, &watch)?;
        query::query(&conn, sql, &params, None, &watch).map(|answer| answer.result.structured.unwrap())
    }

    fn execute(&self, sql: &str, params: Value) -> Result<Value, Refusal> {
        let watch = Watch::endless();
        let conn = connection::open(&self.file, May::Write, &watch)?;
        query::execute(&conn, sql, &params, &watch).map(|answer| answer.result.structured.unwrap())
    }
}

#[test]
fn rows_are_read_with_parameters_of_both_sorts() {
    let bench = Bench::new();
    assert_eq!(
        bench.query("SELECT name, price, picture FROM item WHERE id >= ? ORDER BY id", json!([1])).unwrap(),
        json!({"columns": ["name", "price", "picture"], "rows": [["pen", 1.5, null], ["ink", 7, {"base64": "AP8="}]], "truncated": false})
    );
    assert_eq!(bench.query("SELECT id FROM cheap WHERE name = :name", json!({"name": "pen"})).unwrap()["rows"], json!([[1]]));
    assert_eq!(bench.query("SELECT :a + :a, @b", json!({":a": 2, "b": "x"})).unwrap()["rows"], json!([[4, "x"]]));
    let found =
        bench.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n", Value::Null).unwrap();
    assert_eq!((found["rows"].as_array().unwrap().len(), &found["truncated"]), (100, &json!(true)));
    let found = bench.query("SELECT hex(zeroblob(50000)) FROM item, item, item", Value::Null).unwrap();
    assert_eq!((found["rows"].as_array().unwrap().len(), &found["truncated"]), (2, &json!(true)));
}

#[test]
fn a_query_can_do_nothing_but_read() {
    let bench = Bench::new();
    let other = bench.dir.path().join("other.db");
    let attach = format!("ATTACH DATABASE '{}' AS other", other.display());
    for sql in [
        "INSERT INTO item (name) VALUES ('x')",
        "DELETE FROM item",
        "DROP TABLE item",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        attach.as_str(),
        "PRAGMA journal_mode = OFF",
        "PRAGMA writable_schema = 1",
        "VACUUM INTO 'copy.db'",
        "BEGIN IMMEDIATE",
        "SELECT load_extension('x')",
        "SELECT * FROM pragma_database_list",
        "SELECT 1; DELETE FROM item",
        "DELETE FROM item RETURNING id",
        "EXPLAIN DELETE FROM item",
        "SELECT",
        "",
    ] {
        let refusal = bench.query(sql, Value::Null).expect_err(sql);
        assert!(refusal.hint.is_some() && matches!(refusal.code, Code::Denied | Code::Invalid), "{sql}: {refusal:?}");
    }
    assert_eq!(bench.query("SELECT count(*) FROM item", Value::Null).unwrap()["rows"], json!([[2]]));
    assert!(!other.exists());
}

#[test]
fn what_is_granted_is_written_and_nothing_else_is() {
    let bench = Bench::new();
    assert_eq!(
        bench.execute("INSERT INTO item (name) VALUES (?)", json!(["x'); DROP TABLE item; --"])).unwrap(),
        json!({"changes": 1, "last_insert_rowid": 3})
    );
    assert_eq!(bench.execute("UPDATE item SET price = price * 2 WHERE id < 3", Value::Null).unwrap()["changes"], 2);
    bench.execute("CREATE TABLE note (text TEXT)", Value::Null).unwrap();
    let refused = |sql: &str, params: Value| bench.execute(sql, params).expect_err(sql);
    assert_eq!(refused("INSERT INTO item (name) VALUES (NULL)", Value::Null).code, Code::Conflict);
    assert_eq!(refused("SELECT 1", Value::Null).reason, "the statement writes nothing");
    for sql in ["PRAGMA page_size = 512", "ATTACH ':memory:' AS x", "BEGIN", "VACUUM", "DETACH main", "UPDATE sqlite_schema SET sql = ''"] {
        assert!(matches!(refused(sql, Value::Null).code, Code::Denied | Code::Invalid), "{sql}");
    }
    let refusal = refused("INSERT INTO note VALUES (hex(zeroblob(1000000)))", Value::Null);
    assert_eq!((refusal.code, refusal.reason.contains("disk quota")), (Code::Exhausted, true), "{refusal:?}");
    assert_eq!(refused("INSERT INTO note VALUES (?)", json!([])).reason, "the statement has 1 parameters, and 0 are given");
    assert_eq!(refused("INSERT INTO note VALUES (:text)", json!({"txt": 1})).reason, "no value is given for the parameter `:text`");
}

#[test]
fn a_statement_without_end_is_interrupted() {
    let bench = Bench::new();
    let watch = Watch::over();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let refused = connection::open(&bench.file, May::Read, &watch)
        .and_then(|conn| query::query(&conn, endless, &Value::Null, None, &watch).map(drop));
    assert_eq!(refused.unwrap_err().code, Code::Deadline);
}

#[test]
fn the_schema_is_shown() {
    let bench = Bench::new();
    let conn = connection::open(&bench.file, May::Look, &Watch::endless()).unwrap();
    let answer = schema::schema(&conn, None).unwrap().result;
    assert_eq!(
        answer.text,
        "view cheap (id INTEGER, name TEXT, price REAL, picture BLOB)\ntable item (id INTEGER, name TEXT, price REAL, picture BLOB)\n"
    );
    assert_eq!(
        answer.structured.unwrap()["tables"][1]["columns"][1],
        json!({"name": "name", "type": "TEXT", "not_null": true, "primary_key": false})
    );
    assert_eq!(schema::schema(&conn, Some("nothing")).unwrap_err().code, Code::NotFound);
}
