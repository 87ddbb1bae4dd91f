//! Keys of the `hash` treatment: one for each purpose, derived from one secret.
//!
//! A token of one purpose says nothing about the token of another. Nothing here prints, serializes or compares a secret.

use std::fmt;
use std::slice;
use std::sync::Arc;

use sha2::Sha256;
use sha2::digest::generic_array::GenericArray;
use zeroize::{Zeroize, Zeroizing};

/// What the codes that derive purpose keys begin with, so that they are never codes of a value.
const DERIVATION: &[u8] = b"lockgate purpose key 1";

/// The secret that all purpose keys come from, and its id.
pub struct KeyRing {
    secret: Zeroizing<Vec<u8>>,
    key_id: Arc<str>,
}

impl KeyRing {
    /// Bytes that a secret should have at least.
    pub const SECRET_BYTES: usize = 32;

    /// A ring of keys from secret bytes of any length. `key_id` names the secret in rotations; it is no secret, and
    /// keys of another id are other keys.
    pub fn from_secret(secret: impl AsRef<[u8]>, key_id: impl Into<Arc<str>>) -> Self {
        Self { secret: Zeroizing::new(secret.as_ref().to_vec()), key_id: key_id.into() }
    }

    /// Id of the secret.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The key of a purpose (without the `purpose:` prefix). The same secret, id and purpose always give the same key.
    pub fn purpose_key(&self, purpose: &str) -> PurposeKey {
        let master = PurposeKey::new(&self.secret, "");
        let n_key_id_bytes = (self.key_id.len() as u64).to_be_bytes();
        let message = [DERIVATION, &n_key_id_bytes, self.key_id.as_bytes(), purpose.as_bytes()].concat();
        let mut key = master.mac(&message).map(u32::to_be_bytes);
        let purpose_key = PurposeKey::new(key.as_flattened(), format!("{}/{purpose}", self.key_id));
        key.zeroize();
        purpose_key
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The key of one purpose: HMAC-SHA256 with the key blocks already taken in. Cheap to clone.
#[derive(Clone)]
pub struct PurposeKey {
    id: Arc<str>,
    states: Arc<KeyStates>,
}

/// SHA-256 states after the inner and the outer key block.
struct KeyStates {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Drop for KeyStates {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// Bytes of a SHA-256 block.
const BLOCK: usize = 64;
/// Bytes of message that leave room for the padding in the last block: one byte of mark, eight of length.
const LAST_MESSAGE_BYTES: usize = BLOCK - 9;

impl PurposeKey {
    fn new(key: &[u8], id: impl Into<Arc<str>>) -> Self {
        let mut block = [0u8; BLOCK];
        if key.len() > BLOCK {
            let hashed = <Sha256 as sha2::Digest>::digest(key);
            block.iter_mut().zip(hashed).for_each(|(slot, byte)| *slot = byte);
        } else {
            block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
        }
        let inner = compressed(INITIAL, block.map(|byte| byte ^ 0x36));
        let outer = compressed(INITIAL, block.map(|byte| byte ^ 0x5c));
        block.zeroize();
        Self { id: id.into(), states: Arc::new(KeyStates { inner, outer }) }
    }

    /// Id of secret and purpose, no secret itself: two keys with one id make equal tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// HMAC-SHA256 of the message, as eight big-endian words.
    pub(crate) fn mac(&self, message: &[u8]) -> [u32; 8] {
        let mut state = self.states.inner;
        let (blocks, rest) = message.as_chunks::<BLOCK>();
        for block in blocks {
            state = compressed(state, *block);
        }
        // INVARIANT: `rest` is shorter than a block, so the mark fits behind it.
        let mut last = [0u8; BLOCK];
        let (head, tail) = last.split_at_mut(rest.len());
        head.copy_from_slice(rest);
        if let Some(mark) = tail.first_mut() {
            *mark = 0x80;
        }
        if rest.len() > LAST_MESSAGE_BYTES {
            state = compressed(state, last);
            last = [0u8; BLOCK];
        }
        let code = compressed(state, with_length(last, message.len()));

        let mut outer = [[0u8; 4]; BLOCK / 4];
        outer.iter_mut().zip(code).for_each(|(slot, word)| *slot = word.to_be_bytes());
        if let Some(mark) = outer.get_mut(code.len()) {
            *mark = [0x80, 0, 0, 0];
        }
        let mut last = [0u8; BLOCK];
        last.copy_from_slice(outer.as_flattened());
        compressed(self.states.outer, with_length(last, size_of_val(&code)))
    }
}

/// The block with the length in bits, of key block and message, in its last eight bytes.
fn with_length(mut block: [u8; BLOCK], n_message_bytes: usize) -> [u8; BLOCK] {
    let n_bits = (BLOCK as u64 + n_message_bytes as u64) * 8;
    if let Some(slot) = block.last_chunk_mut() {
        *slot = n_bits.to_be_bytes();
    }
    block
}

fn compressed(mut state: [u32; 8], block: [u8; BLOCK]) -> [u32; 8] {
    sha2::compress256(&mut state, slice::from_ref(&GenericArray::from(block)));
    state
}

/// The state that SHA-256 begins with (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

impl fmt::Debug for PurposeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PurposeKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, Mac};

    use super::*;

    fn reference(key: &[u8], message: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    }

    #[test]
    fn codes_equal_those_of_the_hmac_crate() {
        for n_key_bytes in [0, 1, 32, 63, 64, 65, 200] {
            let key: Vec<u8> = (0..n_key_bytes).map(|byte| byte as u8 ^ 0xa5).collect();
            let purpose_key = PurposeKey::new(&key, "test");
            for n_bytes in (0..300).chain([1_000, 4_096, 65_537]) {
                let message: Vec<u8> = (0..n_bytes).map(|byte| (byte * 7) as u8).collect();
                let code = purpose_key.mac(&message).map(u32::to_be_bytes);
                assert_eq!(code.as_flattened(), reference(&key, &message), "{n_key_bytes} {n_bytes}");
            }
        }
    }

    #[test]
    fn keys_differ_by_purpose_secret_and_id() {
        let code = |secret: &str, key_id: &str, purpose: &str| {
            KeyRing::from_secret(secret, key_id).purpose_key(purpose).mac(b"1001")
        };
        let codes = [
            code("secret", "k1", "fraud"),
            code("secret", "k1", "analytics"),
            code("secret", "k1", ""),
            code("secret", "k2", "fraud"),
            code("secreu", "k1", "fraud"),
            code("secret", "k", "1fraud"),
        ];
        for (left_idx, left) in codes.iter().enumerate() {
            for right in &codes[left_idx + 1..] {
                assert_ne!(left, right);
            }
        }
        assert_eq!(code("secret", "k1", "fraud"), code("secret", "k1", "fraud"));
    }

    #[test]
    fn debug_prints_ids_only() {
        let ring = KeyRing::from_secret("a very secret secret", "k1");
        assert_eq!(format!("{ring:?}"), "KeyRing { key_id: \"k1\", .. }");
        assert_eq!(format!("{:?}", ring.purpose_key("fraud")), "PurposeKey { id: \"k1/fraud\", .. }");
    }
}
