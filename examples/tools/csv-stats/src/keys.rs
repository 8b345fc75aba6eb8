//! Numbers byte strings in the order they are first met: the groups of a column, its distinct values.
//!
//! A hash table of its own: a third of the code that the standard library's maps would add to the component, and the
//! keys lie in one piece of memory, so that what they weigh is known.

const START: usize = 64;
const EMPTY: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(crate) struct Keys {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Numbers of keys, at the place of their hash or after it; less than three quarters are in use.
    table: Vec<u32>,
}

impl Keys {
    /// What one more key weighs at most, with the room that growing leaves unused.
    pub(crate) fn weight(key: &[u8]) -> usize {
        2 * (key.len() + size_of::<u32>()) + 4 * size_of::<u32>()
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        self.bytes.get(start..end(index)).unwrap_or_default()
    }

    /// The number of a key that was met before.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        let place = self.place(key);
        self.table.get(place).filter(|index| **index != EMPTY).map(|index| *index as usize)
    }

    /// Adds a key that was not met before, and gives its number. The caller bounds how many there are and what they
    /// weigh, far below what 32 bits count.
    #[allow(clippy::cast_possible_truncation, reason = "bounded by the caller")]
    pub(crate) fn add(&mut self, key: &[u8]) -> usize {
        if 4 * (self.ends.len() + 1) > 3 * self.table.len() {
            self.table = vec![EMPTY; (2 * self.table.len()).max(START)];
            for index in 0..self.ends.len() {
                self.enter(index);
            }
        }
        let index = self.ends.len();
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len() as u32);
        self.enter(index);
        index
    }

    #[allow(clippy::cast_possible_truncation, reason = "bounded by the caller")]
    fn enter(&mut self, index: usize) {
        let place = self.place(self.get(index));
        if let Some(slot) = self.table.get_mut(place) {
            *slot = index as u32;
        }
    }

    /// Where a key is, or where it would be put.
    fn place(&self, key: &[u8]) -> usize {
        let mask = self.table.len().wrapping_sub(1);
        // FNV-1a, its high half folded in.
        let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        #[allow(clippy::cast_possible_truncation, reason = "a hash")]
        let mut place = (hash ^ (hash >> 32)) as usize & mask;
        while let Some(index) = self.table.get(place).filter(|index| **index != EMPTY) {
            if self.get(*index as usize) == key {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_number_however_many_there_are() {
        let mut keys = Keys::default();
        assert_eq!(keys.find(b""), None);
        for number in 0..10_000_usize {
            let key = number.to_string();
            assert_eq!(keys.find(key.as_bytes()), None);
            assert_eq!(keys.add(key.as_bytes()), number);
        }
        assert_eq!(keys.find(b""), None);
        assert_eq!(keys.add(b""), 10_000);
        for number in 0..10_000_usize {
            let key = number.to_string();
            assert_eq!(keys.find(key.as_bytes()), Some(number));
            assert_eq!(keys.get(number), key.as_bytes());
        }
        assert_eq!((keys.find(b""), keys.len()), (Some(10_000), 10_001));
    }
}
