//! Delivery: validates, records and routes messages, and wakes whoever waits.
