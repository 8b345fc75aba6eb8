//! The sandbox from outside: what guests may do, what happens to those that misbehave, and the CSV tool's conformance.

mod calls;
mod conformance;
mod guest;
mod loading;
mod property;
mod support;
