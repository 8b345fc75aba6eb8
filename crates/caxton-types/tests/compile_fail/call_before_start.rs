//! A server that is not loaded has nothing that takes calls.
fn main() {
    let server = caxton_types::ToolServer::new("csv-stats");
    server.module();
}
