//! Files that a call is given and files that it makes: blobs on both sides.

use crate::Error;
use caxton_store::Workspace;
use caxton_tools::Produced;
use caxton_types::Attachment;

/// Where these attachments lie as files.
pub(crate) async fn lent(workspace: &Workspace, attachments: &[Attachment]) -> Result<Vec<caxton_tools::Attachment>, Error> {
    let mut files = Vec::with_capacity(attachments.len());
    for attachment in attachments {
        let path = workspace.blob_file(attachment.digest).await?;
        let gone = || Error::AttachmentGone { name: attachment.name.clone() };
        files.push(caxton_tools::Attachment::file(&*attachment.name, path.ok_or_else(gone)?));
    }
    Ok(files)
}

/// Keeps what a call made.
pub(crate) async fn kept(workspace: &Workspace, made: Vec<Produced>) -> Result<Vec<Attachment>, Error> {
    let mut files = Vec::with_capacity(made.len());
    for Produced { name, media_type, bytes } in made {
        let size = bytes.len() as u64;
        let digest = workspace.put_blob(bytes).await?;
        files.push(Attachment { name, media_type, digest, size });
    }
    Ok(files)
}
