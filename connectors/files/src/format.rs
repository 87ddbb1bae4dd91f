//! File formats by name and by extension.

use lockgate_contract::FileFormat;

/// Formats as `format = "..."` and a file's extension name them, without compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FormatName {
    Parquet,
    ArrowIpc,
    NdJson,
    Csv,
    Tsv,
}

/// How text is laid out in CSV files.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct CsvLayout {
    pub(crate) header: bool,
    /// `None` is the format's own: a comma for CSV, a tab for TSV.
    pub(crate) delimiter: Option<u8>,
    pub(crate) quote: u8,
    pub(crate) escape: Option<u8>,
    pub(crate) null: Vec<String>,
}

impl Default for CsvLayout {
    fn default() -> Self {
        Self { header: true, delimiter: None, quote: b'"', escape: None, null: Vec::new() }
    }
}

/// A format and whether the files are gzip-compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Packing {
    pub(crate) format: FormatName,
    pub(crate) gzip: bool,
}

impl FormatName {
    /// The format with a name of the configuration.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "parquet" => Some(Self::Parquet),
            "arrow" => Some(Self::ArrowIpc),
            "ndjson" => Some(Self::NdJson),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            _ => None,
        }
    }

    /// Every name that [`FormatName::from_name`] takes.
    pub(crate) const NAMES: &str = "`parquet`, `arrow`, `ndjson`, `csv`, `tsv`";

    fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "parquet" => Some(Self::Parquet),
            "arrow" | "arrows" | "ipc" | "feather" => Some(Self::ArrowIpc),
            "ndjson" | "jsonl" | "json" => Some(Self::NdJson),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            _ => None,
        }
    }
}

impl Packing {
    /// The table name and format of a file name, or `None` if its extension names no format.
    ///
    /// Extensions are compared without case. Parquet and Arrow compress inside, so `.parquet.gz` names no format.
    pub(crate) fn of_file_name(name: &str) -> Option<(&str, Self)> {
        let (stem, extension) = name.rsplit_once('.')?;
        let lower = extension.to_ascii_lowercase();
        if lower != "gz" {
            return Some((stem, Self { format: FormatName::of_extension(&lower)?, gzip: false }))
                .filter(|(stem, _)| !stem.is_empty());
        }
        let (stem, extension) = stem.rsplit_once('.')?;
        match FormatName::of_extension(&extension.to_ascii_lowercase())? {
            FormatName::Parquet | FormatName::ArrowIpc => None,
            format @ (FormatName::NdJson | FormatName::Csv | FormatName::Tsv) => {
                Some((stem, Self { format, gzip: true })).filter(|(stem, _)| !stem.is_empty())
            }
        }
    }

    /// The contract's words for the format.
    pub(crate) fn file_format(self, csv: &CsvLayout) -> FileFormat {
        let comma = match self.format {
            FormatName::Parquet => return FileFormat::Parquet,
            FormatName::ArrowIpc => return FileFormat::ArrowIpc,
            FormatName::NdJson => return FileFormat::NdJson { gzip: self.gzip },
            FormatName::Csv => b',',
            FormatName::Tsv => b'\t',
        };
        FileFormat::Csv {
            header: csv.header,
            delimiter: csv.delimiter.unwrap_or(comma),
            quote: csv.quote,
            escape: csv.escape,
            null: csv.null.clone(),
            gzip: self.gzip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Option<(&str, FormatName, bool)> {
        Packing::of_file_name(name).map(|(stem, packing)| (stem, packing.format, packing.gzip))
    }

    #[test]
    fn extensions_name_formats() {
        assert_eq!(named("trips.parquet"), Some(("trips", FormatName::Parquet, false)));
        assert_eq!(named("a.b.CSV"), Some(("a.b", FormatName::Csv, false)));
        assert_eq!(named("t.tsv.gz"), Some(("t", FormatName::Tsv, true)));
        for name in ["t.ndjson", "t.jsonl", "t.json"] {
            assert_eq!(named(name), Some(("t", FormatName::NdJson, false)));
        }
        for name in ["t.arrow", "t.arrows", "t.ipc", "t.feather"] {
            assert_eq!(named(name), Some(("t", FormatName::ArrowIpc, false)));
        }
    }

    #[test]
    fn other_names_are_no_format() {
        for name in ["README.md", "trips", "trips.gz", "trips.parquet.gz", ".csv", ".csv.gz", "csv"] {
            assert_eq!(named(name), None, "{name}");
        }
    }
}
