//! The words of analysis: what people call an operation, a comparison, a grouping. Nothing here knows any data.

/// What can be computed of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Operation {
    Count,
    Distinct,
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Percentile,
    Stddev,
}

impl Operation {
    /// How tools may spell it in an enum, without separators and in lower case.
    const fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::Count => &["count", "size", "rows", "countrows"],
            Self::Distinct => &["countdistinct", "distinctcount", "distinct", "unique", "nunique", "countunique", "cardinality"],
            Self::Sum => &["sum", "total"],
            Self::Mean => &["mean", "avg", "average"],
            Self::Min => &["min", "minimum"],
            Self::Max => &["max", "maximum"],
            Self::Median => &["median"],
            Self::Percentile => &["percentile", "quantile", "pct"],
            Self::Stddev => &["stddev", "std", "stdev", "standarddeviation", "sd"],
        }
    }

    pub(super) const ALL: [Self; 9] =
        [Self::Count, Self::Distinct, Self::Sum, Self::Mean, Self::Min, Self::Max, Self::Median, Self::Percentile, Self::Stddev];

    /// The operation that a tool's enum value stands for.
    pub(super) fn of_spelling(value: &str) -> Option<Self> {
        let plain: String = value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        Self::ALL.into_iter().find(|operation| operation.spellings().contains(&plain.as_str()))
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Distinct => "number of different values",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "minimum",
            Self::Max => "maximum",
            Self::Median => "median",
            Self::Percentile => "percentile",
            Self::Stddev => "standard deviation",
        }
    }

    /// Whether it needs numbers.
    pub(super) const fn is_numeric(self) -> bool {
        !matches!(self, Self::Count | Self::Distinct)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Contains,
}

impl Comparison {
    const ALL: [Self; 7] = [Self::Eq, Self::Ne, Self::Lt, Self::Le, Self::Gt, Self::Ge, Self::Contains];

    const fn spellings(self) -> &'static [&'static str] {
        match self {
            Self::Eq => &["eq", "=", "==", "equals", "is", "equal"],
            Self::Ne => &["ne", "neq", "!=", "<>", "notequals", "isnot", "notequal"],
            Self::Lt => &["lt", "<", "lessthan", "less"],
            Self::Le => &["le", "lte", "<=", "lessorequal", "lessthanorequal"],
            Self::Gt => &["gt", ">", "greaterthan", "greater"],
            Self::Ge => &["ge", "gte", ">=", "greaterorequal", "greaterthanorequal"],
            Self::Contains => &["contains", "like", "includes"],
        }
    }

    pub(super) fn of_spelling(value: &str) -> Option<Self> {
        let plain: String = value.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect();
        Self::ALL.into_iter().find(|comparison| comparison.spellings().contains(&plain.as_str()))
    }

    /// Whether it orders, and so needs a number to compare with.
    pub(super) const fn is_order(self) -> bool {
        matches!(self, Self::Lt | Self::Le | Self::Gt | Self::Ge)
    }
}

/// What a word or a phrase does in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Operation(Operation),
    /// `most` and `least`: an extreme of a count, or of whatever follows.
    Extreme {
        highest: bool,
    },
    /// `most common`: the value that most rows have.
    Commonest {
        highest: bool,
    },
    Compare(Comparison),
    /// Compares only in front of a number: `over 5`, but `over all rows`.
    CompareNumber(Comparison),
    Between,
    /// `5 or more`: comes behind its number.
    Suffix(Comparison),
    /// `per`, `for each`.
    Group,
    /// `by`: a grouping or a ranking.
    By,
    /// `top`, `bottom`.
    Top {
        highest: bool,
    },
    And,
    Comma,
    /// The end of a sentence.
    Stop,
    /// `which`, `what`.
    Which,
    /// Opens a question or command.
    Ask,
    /// `is`, `are`.
    Is,
    /// `in`, `for`, `where`, `with`.
    Preposition,
    /// `rows`, `records`.
    Rows,
    /// Means something only beside a condition.
    Only,
    /// `column`: the next or previous word names one.
    ColumnWord,
    Noise,
}

/// Phrases before words, longer ones first; the lexer takes the first that fits.
pub(super) const PHRASES: &[(&[&str], Role)] = &{
    use Comparison as C;
    use Operation as O;
    use Role as R;
    [
        (&["is", "not", "equal", "to"] as &[&str], R::Compare(C::Ne)),
        (&["greater", "than", "or", "equal", "to"], R::Compare(C::Ge)),
        (&["less", "than", "or", "equal", "to"], R::Compare(C::Le)),
        (&["how", "many", "distinct"], R::Operation(O::Distinct)),
        (&["how", "many", "different"], R::Operation(O::Distinct)),
        (&["how", "many", "unique"], R::Operation(O::Distinct)),
        (&["number", "of", "distinct"], R::Operation(O::Distinct)),
        (&["number", "of", "different"], R::Operation(O::Distinct)),
        (&["number", "of", "unique"], R::Operation(O::Distinct)),
        (&["count", "of", "distinct"], R::Operation(O::Distinct)),
        (&["count", "of", "different"], R::Operation(O::Distinct)),
        (&["count", "of", "unique"], R::Operation(O::Distinct)),
        (&["count", "the", "distinct"], R::Operation(O::Distinct)),
        (&["count", "the", "different"], R::Operation(O::Distinct)),
        (&["count", "the", "unique"], R::Operation(O::Distinct)),
        (&["total", "number", "of"], R::Operation(O::Count)),
        (&["no", "less", "than"], R::Compare(C::Ge)),
        (&["not", "less", "than"], R::Compare(C::Ge)),
        (&["no", "fewer", "than"], R::Compare(C::Ge)),
        (&["no", "more", "than"], R::Compare(C::Le)),
        (&["not", "more", "than"], R::Compare(C::Le)),
        (&["not", "greater", "than"], R::Compare(C::Le)),
        (&["not", "equal", "to"], R::Compare(C::Ne)),
        (&["is", "equal", "to"], R::Compare(C::Eq)),
        (&["for", "each"], R::Group),
        (&["for", "every"], R::Group),
        (&["in", "each"], R::Group),
        (&["in", "every"], R::Group),
        (&["within", "each"], R::Group),
        (&["grouped", "by"], R::Group),
        (&["group", "by"], R::Group),
        (&["broken", "down", "by"], R::Group),
        (&["split", "by"], R::Group),
        (&["how", "many"], R::Operation(O::Count)),
        (&["number", "of"], R::Operation(O::Count)),
        (&["count", "of"], R::Operation(O::Count)),
        (&["total", "count"], R::Operation(O::Count)),
        (&["total", "number"], R::Operation(O::Count)),
        (&["distinct", "count"], R::Operation(O::Distinct)),
        (&["count", "distinct"], R::Operation(O::Distinct)),
        (&["count", "unique"], R::Operation(O::Distinct)),
        (&["unique", "count"], R::Operation(O::Distinct)),
        (&["sum", "total"], R::Operation(O::Sum)),
        (&["on", "average"], R::Operation(O::Mean)),
        (&["arithmetic", "mean"], R::Operation(O::Mean)),
        (&["standard", "deviation"], R::Operation(O::Stddev)),
        (&["std", "dev"], R::Operation(O::Stddev)),
        (&["most", "common"], R::Commonest { highest: true }),
        (&["most", "frequent"], R::Commonest { highest: true }),
        (&["least", "common"], R::Commonest { highest: false }),
        (&["least", "frequent"], R::Commonest { highest: false }),
        (&["greater", "than"], R::Compare(C::Gt)),
        (&["larger", "than"], R::Compare(C::Gt)),
        (&["bigger", "than"], R::Compare(C::Gt)),
        (&["higher", "than"], R::Compare(C::Gt)),
        (&["more", "than"], R::Compare(C::Gt)),
        (&["less", "than"], R::Compare(C::Lt)),
        (&["fewer", "than"], R::Compare(C::Lt)),
        (&["smaller", "than"], R::Compare(C::Lt)),
        (&["lower", "than"], R::Compare(C::Lt)),
        (&["at", "least"], R::Compare(C::Ge)),
        (&["at", "most"], R::Compare(C::Le)),
        (&["up", "to"], R::Compare(C::Le)),
        (&["or", "more"], R::Suffix(C::Ge)),
        (&["or", "above"], R::Suffix(C::Ge)),
        (&["or", "higher"], R::Suffix(C::Ge)),
        (&["or", "less"], R::Suffix(C::Le)),
        (&["or", "fewer"], R::Suffix(C::Le)),
        (&["or", "below"], R::Suffix(C::Le)),
        (&["or", "lower"], R::Suffix(C::Le)),
        (&["is", "not"], R::Compare(C::Ne)),
        (&["are", "not"], R::Compare(C::Ne)),
        (&["other", "than"], R::Compare(C::Ne)),
        (&["equal", "to"], R::Compare(C::Eq)),
        (&["equals", "to"], R::Compare(C::Eq)),
        (&["data", "points"], R::Rows),
        (&["data", "point"], R::Rows),
        (&["in", "total"], R::Noise),
        (&["as", "well", "as"], R::And),
        (&["together", "with"], R::And),
    ]
};

/// What one word, in lower case, does in a question; none where it is content.
pub(super) fn role(word: &str) -> Option<Role> {
    use Comparison as C;
    use Operation as O;
    match word {
        "count" | "counts" => Some(Role::Operation(O::Count)),
        "sum" | "sums" | "total" | "totals" => Some(Role::Operation(O::Sum)),
        "mean" | "means" | "average" | "averages" | "avg" => Some(Role::Operation(O::Mean)),
        "minimum" | "min" | "lowest" | "smallest" | "minimal" | "shortest" | "earliest" => Some(Role::Operation(O::Min)),
        "maximum" | "max" | "highest" | "largest" | "biggest" | "greatest" | "maximal" | "longest" | "latest" => {
            Some(Role::Operation(O::Max))
        }
        "median" | "medians" => Some(Role::Operation(O::Median)),
        "percentile" | "centile" => Some(Role::Operation(O::Percentile)),
        "stddev" | "std" | "stdev" => Some(Role::Operation(O::Stddev)),
        "most" => Some(Role::Extreme { highest: true }),
        "least" | "fewest" => Some(Role::Extreme { highest: false }),
        ">" | "exceeding" | "exceeds" | "exceed" => Some(Role::Compare(C::Gt)),
        ">=" | "≥" => Some(Role::Compare(C::Ge)),
        "<" => Some(Role::Compare(C::Lt)),
        "<=" | "≤" => Some(Role::Compare(C::Le)),
        "=" | "==" | "equals" | "equal" => Some(Role::Compare(C::Eq)),
        "!=" | "<>" | "≠" | "isn't" | "aren't" => Some(Role::Compare(C::Ne)),
        "contains" | "containing" | "contain" => Some(Role::Compare(C::Contains)),
        "above" | "over" => Some(Role::CompareNumber(C::Gt)),
        "below" | "under" => Some(Role::CompareNumber(C::Lt)),
        "exactly" => Some(Role::CompareNumber(C::Eq)),
        "between" => Some(Role::Between),
        "per" | "each" | "every" => Some(Role::Group),
        "by" => Some(Role::By),
        "top" => Some(Role::Top { highest: true }),
        "bottom" => Some(Role::Top { highest: false }),
        "and" | "&" => Some(Role::And),
        "," => Some(Role::Comma),
        "?" | "!" | "." | ";" => Some(Role::Stop),
        "which" | "what" | "who" => Some(Role::Which),
        "how" | "give" | "tell" | "show" | "compute" | "calculate" | "find" | "report" | "determine" | "get" => Some(Role::Ask),
        "is" | "are" | "was" | "were" | "be" | "being" | ":" => Some(Role::Is),
        "in" | "for" | "where" | "with" | "whose" | "having" | "of" | "when" | "if" | "from" | "on" | "at" | "among" | "within"
        | "across" => Some(Role::Preposition),
        "row" | "rows" | "record" | "records" | "entry" | "entries" | "line" | "lines" | "observation" | "observations" | "item"
        | "items" => Some(Role::Rows),
        "only" => Some(Role::Only),
        "column" | "columns" | "field" | "fields" | "variable" => Some(Role::ColumnWord),
        _ => NOISE.contains(&word).then_some(Role::Noise),
    }
}

/// Words that can be left out without another answer.
const NOISE: &[&str] = &[
    "a",
    "all",
    "also",
    "an",
    "any",
    "as",
    "attached",
    "attachment",
    "can",
    "contained",
    "could",
    "csv",
    "data",
    "dataset",
    "did",
    "do",
    "does",
    "exist",
    "exists",
    "file",
    "files",
    "had",
    "has",
    "have",
    "here",
    "hello",
    "hey",
    "hi",
    "i",
    "it",
    "its",
    "know",
    "let",
    "lie",
    "lies",
    "like",
    "may",
    "me",
    "my",
    "need",
    "now",
    "numeric",
    "our",
    "overall",
    "please",
    "s",
    "set",
    "sheet",
    "so",
    "table",
    "thank",
    "thanks",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "us",
    "value",
    "values",
    "want",
    "we",
    "will",
    "would",
    "you",
    "your",
    "figure",
    "figures",
    "statistics",
    "stats",
    "together",
    "dear",
    "spreadsheet",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_phrases_come_before_their_beginnings() {
        for (at, (phrase, _)) in PHRASES.iter().enumerate() {
            for (earlier, _) in &PHRASES[..at] {
                assert!(!phrase.starts_with(earlier), "{phrase:?} can never be met behind {earlier:?}");
            }
        }
    }

    #[test]
    fn every_operation_and_comparison_has_its_own_spellings() {
        for operation in Operation::ALL {
            for spelling in operation.spellings() {
                assert_eq!(Operation::of_spelling(spelling), Some(operation));
            }
        }
        for comparison in Comparison::ALL {
            for spelling in comparison.spellings() {
                assert_eq!(Comparison::of_spelling(spelling), Some(comparison));
            }
        }
        assert_eq!(Operation::of_spelling("Count_Distinct"), Some(Operation::Distinct));
    }
}
