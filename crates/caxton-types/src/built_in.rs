//! The names of the tools that every server has.

/// The tool servers that are built in, each with its tools; no workspace brings a server of one of these names.
pub const BUILT_IN: &[(&str, &[&str])] = &[
    ("http_client", &["request"]),
    ("data_reader", &["read", "profile"]),
    ("stats_calculator", &["describe", "histogram", "correlate", "regress"]),
    ("chart_generator", &["draw"]),
    ("file_system", &["list", "read", "stat", "search", "write", "append", "create_dir", "remove", "move"]),
    ("database", &["query", "schema", "execute"]),
    ("state", &["get", "exists", "list", "put", "delete"]),
    ("human", &["ask"]),
    ("agents", &["ask"]),
    ("time", &["wait"]),
];

/// Whether every workspace has this server; none may bring one of the same name.
pub fn is_built_in(server: &str) -> bool {
    BUILT_IN.iter().any(|(known, _)| *known == server)
}

/// Other names of them.
const ALIASES: [(&str, &str); 1] = [("csv_parser", "data_reader")];

/// The built-in server that a name means, also where it is written with `-` or is another name of it.
pub fn built_in_server(name: &str) -> Option<&'static str> {
    let name = name.replace('-', "_");
    let meant = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(&*name, |(_, server)| *server);
    BUILT_IN.iter().map(|(server, _)| *server).find(|server| *server == meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_written_in_snake_or_in_kebab_case() {
        for name in ["data_reader", "data-reader", "csv_parser", "csv-parser"] {
            assert_eq!(built_in_server(name), Some("data_reader"), "{name}");
        }
        assert_eq!(built_in_server("http-client"), Some("http_client"));
        for name in ["", "csv", "csv-stats", "data_readers", "read"] {
            assert_eq!(built_in_server(name), None, "{name}");
        }
    }
}
