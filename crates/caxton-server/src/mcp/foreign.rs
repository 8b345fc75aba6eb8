//! How resources of other people's servers are named here: `caxton://{workspace}/mcp/{server}/{their own URI}`.
//!
//! Their own URI stands there as it is. Nothing is escaped, so nothing is to be unescaped: a template gets the same letters in front, whatever
//! its expansion escapes is what the server would have got without us, and a client that puts URIs into a normal form does no more to it than
//! it would have done to the one behind.

use caxton_types::WorkspaceName;

/// A resource, or a template of some, of a server of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Foreign<'u> {
    pub(super) server: &'u str,
    /// As its server calls it.
    pub(super) uri: &'u str,
}

impl<'u> Foreign<'u> {
    /// What this URI of ours means; nothing where it is none of theirs.
    pub(super) fn of(workspace: &WorkspaceName, uri: &'u str) -> Option<Self> {
        let (server, uri) = uri.strip_prefix(&prefix(workspace))?.split_once('/')?;
        (!server.is_empty() && !uri.is_empty()).then_some(Self { server, uri })
    }

    /// The URI of ours.
    pub(super) fn here(self, workspace: &WorkspaceName) -> String {
        format!("{}{}/{}", prefix(workspace), self.server, self.uri)
    }
}

fn prefix(workspace: &WorkspaceName) -> String {
    format!("caxton://{workspace}/mcp/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::Url;
    use std::fmt::Write as _;

    const SERVER: &str = "[a-z][a-z0-9_-]{0,20}[a-z0-9]";

    /// What RFC 6570 makes of `{name}` and `{+name}`.
    fn expand(template: &str, value: &str) -> String {
        let escape = |kept: &str| {
            value.bytes().fold(String::new(), |mut out, byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte) {
                    out.push(byte.into());
                } else {
                    let _ = write!(out, "%{byte:02X}");
                }
                out
            })
        };
        template.replace("{name}", &escape("")).replace("{+name}", &escape(":/?#[]@!$&'()*+,;="))
    }

    proptest! {
        #[test]
        fn any_uri_comes_back_as_it_was(server in SERVER, uri in "\\PC{1,80}") {
            let workspace = WorkspaceName::default();
            let theirs = Foreign { server: &server, uri: &uri };
            let here = theirs.here(&workspace);
            prop_assert_eq!(Foreign::of(&workspace, &here), Some(theirs));
            prop_assert_eq!(Foreign::of(&"other".parse().unwrap(), &here), None);
        }

        #[test]
        fn a_template_that_is_filled_in_is_theirs_filled_in(
            server in SERVER,
            template in "[a-z]{1,8}:(//)?[a-z0-9./%-]{0,12}(\\{name\\}|\\{\\+name\\})[a-z0-9/.?=#]{0,12}",
            value in "\\PC{0,40}",
        ) {
            let workspace = WorkspaceName::default();
            let here = Foreign { server: &server, uri: &template }.here(&workspace);
            let (ours, theirs) = (expand(&here, &value), expand(&template, &value));
            prop_assert_eq!(Foreign::of(&workspace, &ours), Some(Foreign { server: &server, uri: &theirs }));
        }

        #[test]
        fn a_client_that_normalizes_uris_leaves_them_alone(
            server in SERVER,
            uri in "[a-z][a-z0-9+-]{0,8}:(//)?([a-zA-Z0-9_~@:-]|%[0-9A-F]{2}){1,20}(/[a-zA-Z0-9_~:-]{1,8}){0,4}(\\?[a-z]=[a-z%/]{0,4})?(#[a-z/]{0,4})?",
        ) {
            let here = Foreign { server: &server, uri: &uri }.here(&WorkspaceName::default());
            let normal = Url::parse(&here).unwrap();
            prop_assert_eq!(normal.as_str(), here.as_str());
        }
    }

    #[test]
    fn what_names_no_server_or_nothing_of_it_is_none_of_theirs() {
        let workspace = WorkspaceName::default();
        for uri in
            ["", "file:///a", "caxton://default/mcp/", "caxton://default/mcp/desk", "caxton://default/mcp/desk/", "caxton://default/mcp//a"]
        {
            assert_eq!(Foreign::of(&workspace, uri), None, "{uri}");
        }
        let file = Foreign::of(&workspace, "caxton://default/mcp/desk/file:///tmp/a.txt?x#y");
        assert_eq!(file, Some(Foreign { server: "desk", uri: "file:///tmp/a.txt?x#y" }));
    }
}
