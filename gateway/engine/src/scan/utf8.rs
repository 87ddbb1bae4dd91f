//! Checks that a text is UTF-8 while it streams.

use bytes::{Buf, Bytes};
use datafusion::common::{DataFusionError, Result};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::misread::Misread;

/// Byte order mark, as programs of Windows write it.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// Longest character, in bytes.
const LONGEST: usize = 4;

/// The same bytes without a byte order mark; the first that are not UTF-8 are an error with their line.
///
/// The CSV reader has a check of its own, but over fields with the separators taken out: where half a character ends one field and
/// another half begins the next, as text in another encoding has it, the two would pass as one character, cut in the middle.
pub(super) fn checked(bytes: BoxStream<'static, Result<Bytes>>) -> BoxStream<'static, Result<Bytes>> {
    stream::try_unfold((bytes, Check::default()), |(mut bytes, mut check)| async move {
        match bytes.try_next().await? {
            Some(mut chunk) => {
                check.see(&chunk)?;
                if !check.begun && chunk.starts_with(MARK) {
                    chunk.advance(MARK.len());
                }
                check.begun = true;
                Ok(Some((chunk, (bytes, check))))
            }
            None => {
                check.end()?;
                Ok::<_, DataFusionError>(None)
            }
        }
    })
    .boxed()
}

#[derive(Debug, Default)]
struct Check {
    /// The first chunk was seen.
    begun: bool,
    /// Line ends so far.
    n_lines: usize,
    /// The beginning of a character whose rest is in the next chunk.
    cut: Vec<u8>,
}

impl Check {
    fn see(&mut self, chunk: &[u8]) -> Result<(), Misread> {
        let mut rest = chunk;
        while !self.cut.is_empty() {
            let Some((byte, tail)) = rest.split_first() else { return Ok(()) };
            self.cut.push(*byte);
            rest = tail;
            match std::str::from_utf8(&self.cut) {
                Ok(_) => self.cut.clear(),
                Err(error) if error.error_len().is_none() && self.cut.len() < LONGEST => {}
                Err(_) => return Err(self.not_utf8()),
            }
        }
        let Err(error) = std::str::from_utf8(rest) else {
            self.n_lines += count_lines(rest);
            return Ok(());
        };
        let (good, bad) = rest.split_at_checked(error.valid_up_to()).unwrap_or((rest, &[]));
        self.n_lines += count_lines(good);
        if error.error_len().is_some() {
            return Err(self.not_utf8());
        }
        self.cut = bad.to_vec();
        Ok(())
    }

    fn end(&self) -> Result<(), Misread> {
        if self.cut.is_empty() { Ok(()) } else { Err(self.not_utf8()) }
    }

    fn not_utf8(&self) -> Misread {
        Misread::new(format!("line {} is not UTF-8; save the file as UTF-8", self.n_lines + 1))
    }
}

fn count_lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with the text, whatever the size of its chunks.
    fn check(text: &[u8]) -> Option<String> {
        let found: Vec<_> = (1..=text.len().max(1))
            .map(|size| {
                let mut check = Check::default();
                let seen = text.chunks(size).try_for_each(|chunk| check.see(chunk)).and_then(|()| check.end());
                seen.err().map(|misread| misread.to_string())
            })
            .collect();
        assert!(found.iter().all(|one| *one == found[0]), "{found:?}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn utf8_passes_wherever_it_is_cut() {
        for text in ["", "a\nb", "ü", "日本\n語 👩🚀\n", "\u{feff}x"] {
            assert_eq!(check(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn other_bytes_are_told_by_their_line() {
        for (text, line) in [
            (&b"\xff"[..], 1),
            (b"a\nb\nM\xfcller\n", 3),
            // Each of the two fields ends or begins with half a character.
            (b"a,b\n\xc3,\xa9\n", 2),
            (b"a\n\xe6\x97", 2),
            (b"a\n\xe6\x97\n\xa5", 2),
            // A surrogate, an overlong form, and what lies behind the last character.
            (b"\xed\xa0\x80", 1),
            (b"\xc0\x80", 1),
            (b"\xf4\x90\x80\x80", 1),
        ] {
            let expected = format!("line {line} is not UTF-8; save the file as UTF-8");
            assert_eq!(check(text), Some(expected), "{text:?}");
        }
    }
}
