//! The bound of one row: it is read into memory as a whole, with some words for each of its values.

use crate::built_in::Refusal;
use caxton_types::unit::ByteSize;
use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

/// The largest row, as it is written.
const LEN_MAX: ByteSize = ByteSize::mib(8);

/// Counts what was read since a row ended; what a buffer reads ahead counts too.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter(Rc<Cell<u64>>);

impl Meter {
    /// The same input, which fails when a row becomes too large.
    pub(super) fn bound<R: Read>(&self, input: R) -> Bounded<R> {
        Bounded { input, meter: self.clone() }
    }

    /// The next row begins.
    pub(super) fn row(&self) {
        self.0.set(0);
    }

    /// Why reading failed, if that was because of the bound.
    pub(super) fn refusal(&self, name: &str) -> Option<Refusal> {
        let hint = "check how its rows and quotes end; large values are better files of their own";
        self.is_over().then(|| Refusal::too_large(format!("`{name}`: one row is larger than {LEN_MAX}")).hint(hint))
    }

    fn is_over(&self) -> bool {
        self.0.get() > LEN_MAX.get()
    }
}

/// Input whose rows are bounded.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    input: R,
    meter: Meter,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.is_over() {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let len = self.input.read(buffer)?;
        self.meter.0.set(self.meter.0.get().saturating_add(len as u64));
        Ok(len)
    }
}
