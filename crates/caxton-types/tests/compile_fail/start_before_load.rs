//! A server without code cannot start.
fn main() {
    let _ = caxton_types::ToolServer::new("csv-stats").start(vec![]);
}
