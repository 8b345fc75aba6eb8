//! Words of others, as they can be shown: nothing in them moves a cursor, paints, or turns the direction of what stands beside them.

use std::fmt::Write as _;

/// On one line: the first so many characters that are printed.
pub fn one_line(text: &str, len_max: usize) -> String {
    text.chars().filter(|c| !is_unprinted(*c)).take(len_max).collect()
}

/// In their lines; whatever else is not printed is shown to have been there.
pub fn printable(text: &str) -> String {
    let shown = |c: char| if is_unprinted(c) && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(shown).collect()
}

/// In their lines, with whatever is not seen shown as `<U+200B>`: two texts that differ are never shown alike.
pub fn revealed(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_seen = matches!(c, '\n' | '\t') || !(is_unprinted(c) || is_ignorable(c));
        let looks_shown = text.get(at..).is_some_and(|rest| rest.starts_with("<U+"));
        if is_seen && !looks_shown {
            shown.push(c);
        } else {
            // Writing to a string does not fail.
            let _ = write!(shown, "<U+{:04X}>", u32::from(c));
        }
    }
    shown
}

/// What is drawn as nothing: `Default_Ignorable_Code_Point` of Unicode 16, and the anchors of annotations.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Control characters, separators of lines and paragraphs, those that embed, override or isolate a direction (Unicode Standard Annex 9): with
/// them text is read otherwise than it stands; and tags, in which a model reads what nobody sees. Marks of a direction, which right-to-left
/// text needs, are printed.
fn is_unprinted(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_of_others_do_nothing_where_they_are_shown() {
        let words = "pay\u{1b}[2J\t\u{202e}01\u{2069}\nnow\u{85},\u{2028} سلام";
        assert_eq!(printable(words), "pay\u{fffd}[2J\t\u{fffd}01\u{fffd}\nnow\u{fffd},\u{fffd} سلام");
        assert_eq!(one_line(words, 100), "pay[2J01now, سلام");
        assert_eq!(one_line(words, 5), "pay[2");
        assert_eq!(printable("adds\u{e0073}\u{e0065}"), "adds\u{fffd}\u{fffd}");
    }

    #[test]
    fn nothing_is_hidden_where_everything_is_revealed() {
        assert_eq!(revealed("adds\u{e0073}\u{200b} \u{1b}[2J\ntwo"), "adds<U+E0073><U+200B> <U+001B>[2J\ntwo");
        assert_eq!(revealed("<U+E0073> a<b"), "<U+003C>U+E0073> a<b");
        assert_eq!(revealed("سلام é 語 \u{fffd}"), "سلام é 語 \u{fffd}");
    }

    proptest! {
        #[test]
        fn texts_that_differ_are_shown_otherwise(one in "[a<>U+0\u{200b}\u{e0041}\u{b}]{0,12}", other in "[a<>U+0\u{200b}\u{e0041}\u{b}]{0,12}") {
            prop_assert_eq!(one == other, revealed(&one) == revealed(&other));
        }
    }
}
