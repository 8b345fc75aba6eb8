use super::*;
use std::fs;

/// Tables, indexes, triggers and views with their texts.
fn schema(conn: &Connection) -> Vec<(String, String, String)> {
    let sql = "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name";
    let mut statement = conn.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn migrated(migrations: Migrations) -> Connection {
    let mut conn = Connection::open_in_memory().unwrap();
    migrate(&mut conn, Path::new("test"), migrations).unwrap();
    conn
}

#[test]
fn all_migrations_make_the_fresh_schema() {
    for (kind, migrations) in [("journal", JOURNAL), ("projection", PROJECTION), ("global", GLOBAL)] {
        let fresh = Connection::open_in_memory().unwrap();
        let path = format!("{}/migrations/{kind}/schema.sql", env!("CARGO_MANIFEST_DIR"));
        fresh.execute_batch(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(schema(&migrated(migrations)), schema(&fresh), "{path}");
    }
}

#[test]
fn every_script_is_listed_once_and_in_order() {
    for (kind, migrations) in [("journal", JOURNAL), ("projection", PROJECTION), ("global", GLOBAL)] {
        let dir = format!("{}/migrations/{kind}", env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "schema.sql");
        names.sort();
        assert_eq!(names.len(), migrations.len(), "{names:?}");
        for (place, (name, script)) in names.iter().zip(migrations).enumerate() {
            assert!(name.starts_with(&format!("{:04}_", place + 1)), "{name}");
            assert_eq!(fs::read_to_string(format!("{dir}/{name}")).unwrap(), **script);
        }
    }
}

#[test]
fn migrations_are_applied_from_where_a_database_stands() {
    let mut conn = migrated(&PROJECTION[..1]);
    conn.execute("INSERT INTO applied (workspace, seq) VALUES ('default', 7)", []).unwrap();
    migrate(&mut conn, Path::new("test"), PROJECTION).unwrap();
    migrate(&mut conn, Path::new("test"), PROJECTION).unwrap();
    assert_eq!(conn.query_row("SELECT seq FROM applied", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    assert_eq!(schema(&conn), schema(&migrated(PROJECTION)));
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it() {
    let mut conn = Connection::open_in_memory().unwrap();
    let broken: Migrations = &["CREATE TABLE a (x)", "CREATE TABLE b (x); CREATE TABLE a (x)"];
    assert!(migrate(&mut conn, Path::new("test"), broken).is_err());
    assert_eq!(conn.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap(), 1);
    assert_eq!(schema(&conn).len(), 1, "nothing of the second step is there");
}

#[test]
fn the_listing_of_an_agent_is_made_from_its_spec() {
    let mut conn = migrated(&PROJECTION[..2]);
    let spec =
        r#"{"capabilities":[{"label":"sum","phrases":["add up"]}],"display_name":"Sum","prompts":{"system":"Add."},"version":"1.2.3"}"#;
    conn.execute("INSERT INTO agent VALUES ('sum', 2, x'00', ?1, 7, 8)", [spec]).unwrap();
    migrate(&mut conn, Path::new("test"), PROJECTION).unwrap();
    let row_of = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let row: (String, u32, String, i64) = conn.query_row("SELECT name, revision, listing, at FROM agent", [], row_of).unwrap();
    let listing =
        r#"{"display_name":"Sum","version":"1.2.3","description":null,"capabilities":[{"label":"sum","phrases":["add up"]}],"tools":[]}"#;
    assert_eq!(row, ("sum".into(), 2, listing.into(), 8));
}

/// When it began, its id and message, when it was, when and how it ended, and the reply.
type TurnColumns = (i64, String, String, i64, Option<i64>, Option<String>, String);

#[test]
fn turns_that_ended_before_they_were_kept_are_made_from_their_events() {
    let mut conn = migrated(&JOURNAL[..1]);
    let event = "INSERT INTO event (seq, at, v, kind, conversation, agent, turn, body) VALUES (?1, ?1 * 10, 1, ?2, x'C0', 'sum', ?3, ?4)";
    for (seq, kind, turn, body) in [
        (1, "message_accepted", None, r#"{"fact":{"message":{"id":"msg_asked"}}}"#),
        (2, "turn_began", Some([1_u8]), r#"{"fact":{"message":"msg_asked"}}"#),
        (3, "message_accepted", None, r#"{"fact":{"message":{"id":"msg_reply"}}}"#),
        (4, "turn_ended", Some([1]), r#"{"fact":{"end":"completed","reply":"msg_reply"}}"#),
        (5, "turn_began", Some([2]), r#"{"fact":{"message":"msg_asked"}}"#),
    ] {
        conn.execute(event, rusqlite::params![seq, kind, turn, body]).unwrap();
    }
    conn.execute("INSERT INTO message (id, seq) VALUES (x'A0', 1), (x'A1', 3)", []).unwrap();
    conn.execute("INSERT INTO turn (id, agent, conversation, message, began, at) VALUES (x'02', 'sum', x'C0', x'A0', 5, 50)", []).unwrap();
    migrate(&mut conn, Path::new("test"), JOURNAL).unwrap();
    let mut rows = conn.prepare("SELECT began, hex(id), hex(message), at, ended, outcome, hex(reply) FROM turn ORDER BY began").unwrap();
    let row_of = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?));
    let rows: Vec<TurnColumns> = rows.query_map([], row_of).unwrap().collect::<rusqlite::Result<_>>().unwrap();
    let ended = (2, "01".into(), "A0".into(), 20, Some(40), Some("completed".into()), "A1".into());
    assert_eq!(rows, [ended, (5, "02".into(), "A0".into(), 50, None, None, String::new())]);
}
