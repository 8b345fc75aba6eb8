//! Errors as JSON-RPC says them.

use caxton_types::Code;
use rmcp::model::{ErrorCode, ErrorData};
use serde_json::{Map, Value, json};

/// An error under the number that the one table has for its code. `data` tells the code by name, and what to do next.
pub fn error(code: Code, message: impl Into<String>, hint: Option<&str>) -> ErrorData {
    let mut data = Map::from_iter([("code".to_owned(), json!(code.as_str()))]);
    data.extend(hint.map(|hint| ("hint".to_owned(), json!(hint))));
    ErrorData::new(ErrorCode(code.json_rpc()), message.into(), Some(Value::Object(data)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_number_of_its_code_and_says_what_to_do() {
        let wrong = error(Code::Invalid, "the message is empty", Some("say something"));
        assert_eq!((wrong.code, &*wrong.message), (ErrorCode::INVALID_PARAMS, "the message is empty"));
        assert_eq!(wrong.data, Some(json!({"code": "invalid", "hint": "say something"})));
        assert_eq!(error(Code::Internal, "no", None).code, ErrorCode::INTERNAL_ERROR);
    }
}
