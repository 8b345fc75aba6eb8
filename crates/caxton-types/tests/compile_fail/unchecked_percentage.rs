//! A percentage exists only from 0 to 100.
fn main() {
    let _ = caxton_types::unit::Percentage(500.0);
}
