//! A name exists only where it was checked.
fn main() {
    let _ = caxton_types::AgentName("Not A Name".into());
}
