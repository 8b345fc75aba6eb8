//! The REST wire: requests, responses and the OpenAPI description.
