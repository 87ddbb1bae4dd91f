//! What waits between a query's tasks and the door: many batches, so that neither side wakes the other for each, and few
//! bytes, however wide the rows are.

use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::Error;

/// Batches that wait at most.
const MOST_BATCHES: usize = 64;
/// Bytes that wait at most; a batch that is larger waits alone.
const MOST_BYTES: u32 = 4 << 20;

/// What a query's task sends.
#[derive(Debug)]
pub(crate) enum Message {
    /// Rows.
    Batch(RecordBatch),
    /// The row limit cut the result; the next batch is the last.
    Truncated,
    /// The query failed.
    Failed(Error),
}

impl Message {
    fn bytes(&self) -> u32 {
        match self {
            Self::Batch(batch) => u32::try_from(bytes_of(batch)).unwrap_or(MOST_BYTES).min(MOST_BYTES),
            Self::Truncated | Self::Failed(_) => 0,
        }
    }
}

/// Bytes of a batch's own rows: buffers may be shared with other batches.
pub(crate) fn bytes_of(batch: &RecordBatch) -> usize {
    let of = |column: &ArrayRef| {
        let data = column.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| data.get_array_memory_size())
    };
    batch.columns().iter().map(of).fold(0, usize::saturating_add)
}

/// The task's end.
pub(crate) struct Outbox {
    sender: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// The door's end.
pub(crate) struct Inbox {
    receiver: mpsc::Receiver<Waiting>,
    room: Arc<Semaphore>,
}

struct Waiting {
    message: Message,
    /// Given back when the message is taken.
    _room: OwnedSemaphorePermit,
}

/// Both ends.
pub(crate) fn outbox() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(MOST_BATCHES);
    let room = Arc::new(Semaphore::new(usize::try_from(MOST_BYTES).unwrap_or(Semaphore::MAX_PERMITS)));
    (Outbox { sender, room: Arc::clone(&room) }, Inbox { receiver, room })
}

impl Outbox {
    /// Hands over what comes next, once there is room; `false` when nobody takes it any more.
    pub(crate) async fn send(&self, message: Message) -> bool {
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(message.bytes()).await else { return false };
        self.sender.send(Waiting { message, _room: room }).await.is_ok()
    }
}

impl Inbox {
    /// What comes next; `None` when the task is gone.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.receiver.poll_recv(cx).map(|waiting| waiting.map(|waiting| waiting.message))
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // Who waits for room hears that none will come.
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use datafusion::arrow::array::BinaryArray;
    use futures::FutureExt;
    use tokio::task::unconstrained;

    use super::*;

    fn rows(n_bytes: usize) -> Message {
        let column: ArrayRef = Arc::new(BinaryArray::from_vec(vec![&vec![0; n_bytes]]));
        Message::Batch(RecordBatch::try_from_iter([("bytes", column)]).expect("a batch"))
    }

    #[tokio::test]
    async fn bytes_bound_what_waits_and_one_batch_always_may() {
        let (outbox, mut inbox) = outbox();
        assert!(outbox.send(rows(5 << 20)).await);
        let mut second = Box::pin(outbox.send(rows(1)));
        assert!((&mut second).now_or_never().is_none());
        assert!(poll_fn(|cx| inbox.poll(cx)).await.is_some());
        assert!(second.await);
        for _ in 1..MOST_BATCHES {
            assert!(unconstrained(outbox.send(rows(1))).now_or_never().expect("room"));
        }
        assert!(unconstrained(outbox.send(rows(1))).now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_waits_for_room_hears_that_nobody_listens() {
        let (outbox, inbox) = outbox();
        assert!(outbox.send(rows(5 << 20)).await);
        let mut second = Box::pin(outbox.send(rows(1)));
        assert!((&mut second).now_or_never().is_none());
        drop(inbox);
        assert!(!second.await);
    }
}
