//! What every request passes on its way in and every response on its way out.

mod context;
mod extract;
mod fail;
mod guard;
mod limit;
mod prefer;

pub(crate) use self::{
    context::{RequestInfo, enclose},
    extract::{By, JsonBody, MaybeBody, PathOf, QueryOf, RawBody},
    fail::{Fail, keep_body, problem},
    guard::{AllowedHosts, guard},
    limit::{Deadline, Gate, admit, within},
    prefer::{WAIT_MAX, wait_of},
};
