//! Words of others, as they can be shown: nothing in them moves a cursor, paints, or turns the direction of what stands beside them.

/// On one line: the first so many characters that are printed.
pub fn one_line(text: &str, len_max: usize) -> String {
    text.chars().filter(|c| !is_unprinted(*c)).take(len_max).collect()
}

/// In their lines; whatever else is not printed is shown to have been there.
pub fn printable(text: &str) -> String {
    let shown = |c: char| if is_unprinted(c) && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(shown).collect()
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

    #[test]
    fn words_of_others_do_nothing_where_they_are_shown() {
        let words = "pay\u{1b}[2J\t\u{202e}01\u{2069}\nnow\u{85},\u{2028} سلام";
        assert_eq!(printable(words), "pay\u{fffd}[2J\t\u{fffd}01\u{fffd}\nnow\u{fffd},\u{fffd} سلام");
        assert_eq!(one_line(words, 100), "pay[2J01now, سلام");
        assert_eq!(one_line(words, 5), "pay[2");
        assert_eq!(printable("adds\u{e0073}\u{e0065}"), "adds\u{fffd}\u{fffd}");
    }
}
