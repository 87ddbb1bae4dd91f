//! A result on its way out: pulls batches from the engine, cuts and packs them, and hands the bytes to the socket.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use lockgate_engine::{Error, Running, Watch};
use lockgate_wire::ErrorCode;

use super::answer;
use super::pack::{Chunks, Cutter, Ending, PackError, Packing};
use crate::metrics::Meter;

/// The body of a result.
///
/// - The next piece is made only when the one before it is on its way, so a slow reader slows the query down.
/// - Dropping it cancels the query.
/// - Once access is withdrawn, nothing more leaves, also of what is packed already.
/// - After an error it fails instead of ending, and the connection is aborted without the closing chunk.
pub(crate) struct Parcel {
    /// Absent once all batches are here.
    running: Option<Running>,
    watch: Watch,
    packing: Box<dyn Packing>,
    cutter: Cutter,
    chunks: Chunks,
    ready: VecDeque<Bytes>,
    n_rows: u64,
    truncated: bool,
    stage: Stage,
    /// The error that the body is about to fail with.
    failure: Option<Error>,
    /// What tells the ending after the last byte, for callers that take trailers.
    trailers: Option<fn(Ending) -> HeaderMap>,
    meter: Meter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// More pieces may come.
    Open,
    /// Everything is packed.
    Packed,
    /// An error was handed over; nothing more may follow.
    Broken,
}

impl Parcel {
    /// A parcel for a running query.
    pub(crate) fn new(running: Running, packing: Box<dyn Packing>, meter: Meter) -> Self {
        let cutter = Cutter::new(running.schema(), packing.piece_size(), running.hides_rows());
        Self {
            watch: running.watch(),
            running: Some(running),
            packing,
            cutter,
            chunks: Chunks::default(),
            ready: VecDeque::new(),
            n_rows: 0,
            truncated: false,
            stage: Stage::Open,
            failure: None,
            trailers: None,
            meter,
        }
    }

    /// Packs the first piece, so that an error before the first row still has a status of its own.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        let begun = std::future::poll_fn(|cx| self.poll_piece(cx)).await;
        begun.map_err(|error| self.break_off(error))
    }

    /// Nothing more leaves; the ledger hears that the query failed, unless it knows how it ended already.
    pub(crate) fn break_off(&mut self, mut error: Error) -> Error {
        self.stage = Stage::Broken;
        self.ready.clear();
        if let Some(mut running) = self.running.take() {
            error.problem.query_id = Some(running.query_id());
            running.fail(&error);
        }
        match error.code() {
            ErrorCode::Cancelled => self.meter.cancelled(self.n_rows),
            code => self.meter.failed(code, self.n_rows),
        }
        error
    }

    /// Whether everything is packed, so that length and ending are known.
    pub(crate) fn is_packed(&self) -> bool {
        self.stage == Stage::Packed
    }

    /// What is known at the end.
    pub(crate) fn ending(&self) -> Ending {
        Ending { rows: self.n_rows, truncated: self.truncated }
    }

    /// Asks for trailers that tell the ending.
    pub(crate) fn add_trailers(&mut self, trailers: fn(Ending) -> HeaderMap) {
        self.trailers = Some(trailers);
    }

    /// Breaks off in mid-stream: the body fails, so the connection has no clean end.
    ///
    /// It fails at the next turn only: with the error, a server forgets what it has not written yet, and that may be the
    /// status and headers, without which the caller would not know what became of the query.
    fn abort(&mut self, error: Error, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let error = self.break_off(error);
        answer::log(&error, "in mid-stream");
        self.failure = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Fills `ready` with the next piece, or with the end.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // A panic must not look like the end of a result.
        match catch_unwind(AssertUnwindSafe(|| self.poll_piece_inner(cx))) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(Err(Error::new(ErrorCode::Internal, "the gateway failed"))),
        }
    }

    fn poll_piece_inner(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if let Some(piece) = self.cutter.next() {
                self.packing.rows(&piece, &mut self.chunks)?;
                if self.running.is_some() || self.cutter.has_next() {
                    self.ready = self.chunks.take();
                    return Poll::Ready(Ok(()));
                }
            }
            let Some(running) = &mut self.running else {
                let ending = self.ending();
                self.packing.end(ending, &mut self.chunks)?;
                self.ready = self.chunks.take();
                self.stage = Stage::Packed;
                return Poll::Ready(Ok(()));
            };
            match ready!(Pin::new(&mut *running).poll_next(cx)) {
                Some(batch) => {
                    let batch = batch?;
                    self.n_rows += batch.num_rows() as u64;
                    self.cutter.push(&batch).map_err(PackError::from)?;
                }
                None => {
                    self.truncated = running.truncated();
                    self.running = None;
                    self.cutter.finish().map_err(PackError::from)?;
                }
            }
        }
    }
}

impl Body for Parcel {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                if let Err(error) = this.watch.check() {
                    return this.abort(error, cx);
                }
                this.meter.sent(bytes.len());
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match this.stage {
                Stage::Packed => {
                    let trailers = this.trailers.take().map(|trailers| trailers(this.ending()));
                    return Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))));
                }
                Stage::Broken => return Poll::Ready(this.failure.take().map(Err)),
                Stage::Open => {}
            }
            if let Err(error) = ready!(this.poll_piece(cx)) {
                return this.abort(error, cx);
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.stage {
            Stage::Packed if self.trailers.is_none() => {
                SizeHint::with_exact(self.ready.iter().map(|bytes| bytes.len() as u64).sum())
            }
            Stage::Packed | Stage::Open | Stage::Broken => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stage == Stage::Packed && self.ready.is_empty() && self.trailers.is_none()
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        match self.stage {
            Stage::Packed if self.ready.is_empty() => self.meter.finished(self.n_rows),
            Stage::Packed | Stage::Open => self.meter.cancelled(self.n_rows),
            Stage::Broken => {}
        }
    }
}
