//! Pages of lists. A cursor names the last item of the page before, so that a list may change between two pages.

use super::error;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use caxton_types::Code;
use rmcp::model::ErrorData;

/// The items behind the cursor, `len_max` of them at most, in order of their keys, and the cursor of the next page where there is more.
pub fn page<T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> &str,
    cursor: Option<&str>,
    len_max: usize,
) -> Result<(Vec<T>, Option<String>), ErrorData> {
    items.sort_by(|a, b| key(a).cmp(key(b)));
    if let Some(after) = cursor.map(read_cursor).transpose()? {
        items.retain(|item| key(item) > after.as_str());
    }
    let more = items.len() > len_max;
    items.truncate(len_max);
    let next = items.last().filter(|_| more).map(|last| cursor_of(key(last)));
    Ok((items, next))
}

/// The cursor of the page behind this key.
pub fn cursor_of(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// The key that a cursor stands behind.
pub fn read_cursor(cursor: &str) -> Result<String, ErrorData> {
    let key = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| error(Code::Invalid, "the cursor is not one of this list", Some("begin again without a cursor")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_once_and_in_order() {
        let items = || vec!["d", "b", "a", "e", "c"];
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let (some, next) = page(items(), |item| item, cursor.as_deref(), 2).unwrap();
            assert!(some.len() <= 2);
            seen.extend(some);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn what_went_or_came_between_two_pages_does_no_harm() {
        let (_, cursor) = page(vec!["a", "b", "c"], |item| item, None, 2).unwrap();
        let (rest, next) = page(vec!["a", "bb", "c"], |item| item, cursor.as_deref(), 2).unwrap();
        assert_eq!((rest, next), (vec!["bb", "c"], None));
        assert!(page(vec!["a"], |item| item, Some("no cursor!"), 2).is_err());
    }
}
