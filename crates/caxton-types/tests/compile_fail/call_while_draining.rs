//! A draining server takes no new calls.
fn main() {
    let server = caxton_types::ToolServer::new("csv-stats").load(()).start(vec![]).drain();
    server.module();
}
