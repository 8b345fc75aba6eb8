//! The headline table: one aligned line a row.
use super::row::{Better, Row};

/// The rows as text, columns as wide as their widest cell.
pub(super) fn of(rows: &[Row]) -> String {
    let head = ["what", "unit", "ours", "seed", "floor/peer", "goal", "met"].map(String::from);
    let lines: Vec<[String; 7]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let text = lines.iter().map(|line| {
        let padded: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    });
    text.collect::<Vec<_>>().join("\n")
}

fn cells(row: &Row) -> [String; 7] {
    let durability = row.durability.map_or_else(String::new, |durability| format!(" ({durability:?})").to_lowercase());
    let sign = match row.better {
        Better::Lower => "<=",
        Better::Higher => ">=",
    };
    let against = [(&row.floor, &row.floor_name), (&row.peer, &row.peer_name)]
        .into_iter()
        .filter_map(|(value, name)| Some(format!("{} {}", figure((*value)?), name.as_deref()?)))
        .collect::<Vec<_>>();
    [
        format!("{}{durability}", row.what),
        row.unit.clone(),
        row.p99.map_or_else(|| figure(row.ours), |p99| format!("{} (p99 {})", figure(row.ours), figure(p99))),
        row.seed.map_or_else(dash, figure),
        if against.is_empty() { dash() } else { against.join(", ") },
        row.goal.map_or_else(dash, |goal| format!("{sign} {}", figure(goal))),
        match (row.goal, row.met) {
            (None, _) => dash(),
            (Some(_), true) => "yes".into(),
            (Some(_), false) => "NO".into(),
        },
    ]
}

fn dash() -> String {
    "-".into()
}

/// Three significant digits below a thousand, whole numbers above.
fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 || value == 0.0 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}
