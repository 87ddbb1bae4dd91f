//! A result that goes to a file or to standard output as it comes.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use indicatif::HumanBytes;
use tempfile::NamedTempFile;

use super::super::output::{Failure, Out, counted, tell};
use super::Format;
use super::ask::Answer;
use super::frames::Frames;
use super::progress::Progress;
use super::repack::Repack;
use super::table::tell_notices;

/// What went by.
struct Copied {
    frames: Frames,
    /// Bytes of the answer.
    bytes: u64,
    answer: Answer,
}

impl Copied {
    fn tell_notices(&self) {
        tell_notices(self.frames.schema.as_ref(), &self.answer);
    }
}

/// Writes a whole result to `path`, or nothing.
pub(super) async fn to_file(
    answer: Answer,
    format: Format,
    path: &Path,
    quiet: bool,
    progress: &Progress,
) -> Result<(), Failure> {
    let name = path.display();
    let failed = |cause: std::io::Error| Failure::failed(format!("`{name}` cannot be written: {cause}"));
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let file = tempfile::Builder::new().prefix(".lockgate-").suffix(".part").tempfile_in(folder).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    let mut written = 0_u64;
    let mut write = |piece: &[u8]| {
        written = written.saturating_add(piece.len() as u64);
        writer.write_all(piece).map_err(failed)
    };
    let copied = copy(answer, format, progress, &mut write).await?;
    let file: NamedTempFile = writer.into_inner().map_err(|error| failed(error.into_error()))?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    progress.done();
    if !quiet {
        tell(format!("{}, {} in `{name}`", counted(copied.frames.rows, "row"), HumanBytes(written)));
        copied.tell_notices();
    }
    Ok(())
}

/// Writes a result to standard output as it comes; a cut shows in the exit code only.
pub(super) async fn to_stdout(answer: Answer, format: Format, quiet: bool, progress: &Progress) -> Result<(), Failure> {
    let mut out = Out::stdout();
    let copied = copy(answer, format, progress, &mut |piece| out.bytes(piece)).await?;
    out.finish()?;
    progress.done();
    if !quiet {
        copied.tell_notices();
    }
    Ok(())
}

/// Takes the answer to its end; fails when it is not whole.
async fn copy(
    answer: Answer,
    format: Format,
    progress: &Progress,
    write: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<Copied, Failure> {
    let mut repack = format.repacked().map(|form| Repack::new(form, &answer));
    let mut copied = Copied { frames: Frames::default(), bytes: 0, answer };
    while let Some(piece) = copied.answer.next().await? {
        copied.bytes = copied.bytes.saturating_add(piece.len() as u64);
        copied.frames.push(&piece).map_err(Failure::failed)?;
        progress.at(copied.frames.rows, copied.bytes);
        match &mut repack {
            None => write(&piece)?,
            Some(repack) => repack.push(piece.into(), write)?,
        }
    }
    if !copied.frames.is_complete() {
        return Err(copied.answer.cut_off());
    }
    copied.answer.check_rows(copied.frames.rows)?;
    if let (Some(repack), Some(schema)) = (repack, copied.frames.schema.clone()) {
        repack.end(Arc::new(schema), copied.answer.ending().truncated, write)?;
    }
    Ok(copied)
}
