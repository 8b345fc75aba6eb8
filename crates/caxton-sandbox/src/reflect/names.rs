//! Names of tools, made of what a component exports.

use std::collections::HashMap;

use caxton_types::Digest;

/// As long as the world `tool-server` lets a name be.
const LEN_MAX: usize = 64;

/// A function that is exported at the root, or by an interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Path {
    pub(crate) interface: Option<Box<str>>,
    pub(crate) function: Box<str>,
}

/// A name for each, all different, and the same whenever the component is loaded: the function's, after its interface's;
/// where that is not enough, the package's before both; and where that is not either, or too long, with a digest.
pub(crate) fn of(paths: &[Path]) -> Vec<String> {
    let mut names: Vec<String> = paths.iter().map(Path::short).collect();
    lengthen(&mut names, paths, Path::long);
    lengthen(&mut names, paths, Path::digested);
    names
}

/// Gives a longer name to each whose name is another's too, or that is too long.
fn lengthen(names: &mut [String], paths: &[Path], longer: impl Fn(&Path) -> String) {
    let mut count: HashMap<String, usize> = HashMap::new();
    for name in names.iter() {
        *count.entry(name.clone()).or_default() += 1;
    }
    for (name, path) in names.iter_mut().zip(paths) {
        if name.len() > LEN_MAX || count.get(name).is_some_and(|count| *count > 1) {
            *name = longer(path);
        }
    }
}

impl Path {
    fn short(&self) -> String {
        match &self.interface {
            None => normal(&self.function),
            // `namespace:package/interface@version`
            Some(interface) => {
                let name = interface.split('@').next().unwrap_or_default();
                let name = name.rsplit('/').next().unwrap_or_default();
                format!("{}_{}", normal(name), normal(&self.function))
            }
        }
    }

    fn long(&self) -> String {
        match &self.interface {
            None => normal(&self.function),
            Some(interface) => format!("{}_{}", normal(interface.split('@').next().unwrap_or_default()), normal(&self.function)),
        }
    }

    fn digested(&self) -> String {
        let digest = Digest::of(self.to_string().as_bytes()).short();
        let kept: String = self.short().chars().take(LEN_MAX.saturating_sub(digest.len() + 1)).collect();
        format!("{kept}_{digest}")
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.interface {
            None => f.write_str(&self.function),
            Some(interface) => write!(f, "{interface}#{}", self.function),
        }
    }
}

fn normal(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(exports: &[(&str, &str)], expected: &[&str]) {
        let paths: Vec<Path> = exports
            .iter()
            .map(|(interface, function)| Path {
                interface: (!interface.is_empty()).then(|| (*interface).into()),
                function: (*function).into(),
            })
            .collect();
        assert_eq!(of(&paths), expected);
    }

    #[test]
    fn names_are_as_short_as_they_can_be() {
        check(&[("", "add")], &["add"]);
        check(&[("acme:files/fs@1.2.0", "list-directory"), ("inline", "add")], &["fs_list-directory", "inline_add"]);
        check(&[("acme:a/fs", "list"), ("acme:b/fs", "list"), ("", "list")], &["acme_a_fs_list", "acme_b_fs_list", "list"]);
    }

    #[test]
    fn a_digest_tells_apart_what_else_would_not_be() {
        let paths = ["a:b/c@1.0.0", "a:b/c@2.0.0"].map(|interface| Path { interface: Some(interface.into()), function: "d".into() });
        let names = of(&paths);
        assert!(names[0] != names[1] && names.iter().all(|name| name.starts_with("c_d_")), "{names:?}");
        let long = Path { interface: None, function: "x".repeat(200).into() };
        assert_eq!(of(&[long])[0].len(), LEN_MAX);
    }
}
