//! The bytes of an answer, in pieces that go to the socket without being copied again.

use std::collections::VecDeque;

use arrow::buffer::Buffer;
use bytes::{Bytes, BytesMut};

/// Buffers from this size on are handed over as they are; smaller ones are copied together.
const LARGE: usize = 16 * 1024;

/// Bytes that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    done: VecDeque<Bytes>,
    small: BytesMut,
}

impl Chunks {
    /// Adds bytes by copying them.
    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.small.extend_from_slice(bytes);
    }

    /// Adds a buffer that nobody else needs; large ones are not copied.
    pub(super) fn give(&mut self, buffer: Vec<u8>) {
        if buffer.len() < LARGE {
            self.copy(&buffer);
        } else {
            self.close_small();
            self.done.push_back(Bytes::from(buffer));
        }
    }

    /// Adds an Arrow buffer, which may be shared; large ones are not copied.
    pub(super) fn share(&mut self, buffer: Buffer) {
        if buffer.len() < LARGE {
            self.copy(&buffer);
        } else {
            self.close_small();
            self.done.push_back(Bytes::from_owner(Owner(buffer)));
        }
    }

    /// Everything added so far, in order.
    pub(crate) fn take(&mut self) -> VecDeque<Bytes> {
        self.close_small();
        std::mem::take(&mut self.done)
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.done.push_back(self.small.split().freeze());
        }
    }
}

/// Keeps an Arrow buffer alive for as long as its bytes wait to be sent.
struct Owner(Buffer);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}
