//! Uploaded bytes.

use crate::schema;
use caxton_types::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bytes that the workspace holds, addressed by their content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blob {
    /// The SHA-256 of the bytes.
    #[schema(value_type = schema::Digest)]
    pub digest: Digest,
    /// Their length.
    pub size: u64,
    /// The media type that the upload named; it travels with the attachments that use the blob.
    pub media_type: String,
}

/// Bytes that the workspace holds, by digest and length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlobRef {
    /// The SHA-256 of the bytes.
    #[schema(value_type = schema::Digest)]
    pub digest: Digest,
    /// Their length.
    pub size: u64,
}
