//! A transport whose end is noticed.

use rmcp::{
    RoleClient,
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A transport that cancels one token when nothing comes any more, and another when it is no more.
pub(super) struct Watched<T> {
    inner: T,
    over: CancellationToken,
    _guards: [DropGuard; 2],
}

impl<T> Watched<T> {
    pub(super) fn new(inner: T, over: CancellationToken, gone: CancellationToken) -> Self {
        Self { inner, _guards: [over.clone().drop_guard(), gone.drop_guard()], over }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Watched<T> {
    type Error = T::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleClient>) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        let message = self.inner.receive().await;
        if message.is_none() {
            self.over.cancel();
        }
        message
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}
