//! Generated ids: a prefix that tells what it names, and 26 characters of Crockford base32 of a UUIDv7.

use crate::turn::StepId;
use sha2::{Digest as _, Sha256};
use std::{fmt, str::FromStr};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {article} id: expected `{prefix}` and 26 characters of Crockford base32, or a UUID")]
pub struct InvalidId {
    text: String,
    prefix: &'static str,
    article: &'static str,
}

/// The character of the five lowest bits.
#[expect(clippy::indexing_slicing, reason = "five bits are less than the 32 characters")]
const fn digit(bits: u128) -> u8 {
    ALPHABET[(bits & 31) as usize]
}

/// 26 characters hold 130 bits; the two highest are zero.
fn encode(mut bits: u128) -> [u8; 26] {
    let mut text = [0; 26];
    for place in text.iter_mut().rev() {
        *place = digit(bits);
        bits >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != 26 || text.as_bytes().first().is_none_or(|first| *first > b'7') {
        return None;
    }
    text.bytes().try_fold(0u128, |bits, byte| {
        let byte = match byte.to_ascii_lowercase() {
            b'o' => b'0',
            b'i' | b'l' => b'1',
            other => other,
        };
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        Some((bits << 5) | digit as u128)
    })
}

/// Serialises a type by its `Display` and reads it by its `FromStr`.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}
pub(crate) use serde_as_text;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $article:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(u128);

        impl $name {
            /// What every id of this kind starts with.
            pub const PREFIX: &'static str = $prefix;

            /// Names the same thing as this UUID (a v7 one where it is new).
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid.as_u128())
            }

            /// The id as a UUID.
            pub const fn as_uuid(self) -> Uuid {
                Uuid::from_u128(self.0)
            }

            /// The id of what step `step` of turn `turn` makes: the same whenever the step is performed again.
            pub fn derive(turn: TurnId, step: StepId) -> Self {
                Self(derived($prefix, turn, step))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                // In one piece: each call goes through the formatter, and a message names ten ids.
                f.write_str(std::str::from_utf8(&encode(self.0)).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .and_then(decode)
                    .or_else(|| Uuid::try_parse(text).ok().map(|uuid| uuid.as_u128()))
                    .map(Self)
                    .ok_or_else(|| InvalidId { text: text.chars().take(80).collect(), prefix: $prefix, article: $article })
            }
        }

        serde_as_text!($name);
    };
}

id!(/** Names a message. */ MessageId, "msg_", "a message");
id!(/** Names a conversation. */ ConversationId, "cnv_", "a conversation");
id!(/** Names one turn of an agent. */ TurnId, "trn_", "a turn");
id!(/** Names a deployment. */ DeploymentId, "dep_", "a deployment");
id!(/** Names a decision that a person is asked for. */ ApprovalId, "apr_", "an approval");
id!(/** Names an upload of a blob; its content is addressed by digest. */ BlobId, "blb_", "a blob");

/// Keeps the turn's time (so ids sort by birth) and fills the rest from a hash of kind, turn and step.
fn derived(prefix: &str, turn: TurnId, step: StepId) -> u128 {
    const TIME: u128 = !0 << 80;
    const VERSION: u128 = 0x7 << 76;
    const VARIANT: u128 = 0b10 << 62;
    let hash = Sha256::new().chain_update(prefix).chain_update(turn.0.to_be_bytes()).chain_update(step.0.to_be_bytes()).finalize();
    let entropy = hash.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte));
    let random = entropy & !TIME & !(0xf << 76) & !(0b11 << 62);
    (turn.0 & TIME) | VERSION | VARIANT | random
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_round_trips(bits: u128) {
            let id = MessageId(bits);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().to_uppercase().replace("MSG_", "msg_").parse(), Ok(id));
            prop_assert_eq!(id.as_uuid().to_string().parse(), Ok(id));
            prop_assert_eq!(serde_json::from_value::<MessageId>(serde_json::to_value(id).unwrap()).unwrap(), id);
        }

        #[test]
        fn any_text_is_parsed_or_refused_without_a_panic(text: String) {
            let _ = text.parse::<TurnId>();
        }

        #[test]
        fn order_of_ids_is_order_of_text(a: u128, b: u128) {
            prop_assert_eq!(a.cmp(&b), MessageId(a).to_string().cmp(&MessageId(b).to_string()));
        }

        #[test]
        fn derived_ids_are_stable_distinct_and_version_7(turn: u128, step in 0u32..1000) {
            let turn = TurnId(turn);
            let id = MessageId::derive(turn, StepId(step));
            prop_assert_eq!(id, MessageId::derive(turn, StepId(step)));
            prop_assert_ne!(id, MessageId::derive(turn, StepId(step + 1)));
            prop_assert_ne!(id.0, ConversationId::derive(turn, StepId(step)).0);
            prop_assert_eq!(id.as_uuid().get_version_num(), 7);
            prop_assert_eq!(id.0 >> 80, turn.0 >> 80);
        }
    }

    #[test]
    fn the_wrong_kind_is_named() {
        let error = "cnv_00000000000000000000000000".parse::<MessageId>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`cnv_00000000000000000000000000` is not a message id: expected `msg_` and 26 characters of Crockford base32, or a UUID"
        );
    }
}
