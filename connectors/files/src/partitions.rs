//! Hive-style partition columns: `city=ams/day=2024-01-31/part-0.parquet`.

use arrow::array::{Array, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use lockgate_contract::PartitionColumn;
use object_store::path::Path;

use crate::guess::{is_canonical_int, is_date};

/// The folder name that Hive writes for a null.
const NULL_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Partition columns of a table and one row of values for each file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Partitions {
    pub(crate) columns: Vec<PartitionColumn>,
    pub(crate) values: Vec<Vec<Option<String>>>,
}

impl Partitions {
    /// A file that is a table by itself: where it lies says nothing.
    pub(crate) fn of_one_file() -> Self {
        Self::default()
    }
}

/// Reads the values from the paths of a table's files; `folder` is the table's own place.
///
/// All files must have the same columns in the same order, and values that fit the declared types; else the text says what is wrong.
pub(crate) fn read(
    folder: &Path,
    files: &[Path],
    declared: Option<&[(String, DataType)]>,
) -> Result<Partitions, String> {
    let mut names: Option<Vec<String>> = declared.map(|columns| columns.iter().map(|(name, _)| name.clone()).collect());
    let mut values = Vec::with_capacity(files.len());
    for file in files {
        let (found, row): (Vec<_>, Vec<_>) = parts(folder, file)?.into_iter().unzip();
        match &names {
            Some(names) if *names != found => {
                let (names, found) = (names.join("`, `"), found.join("`, `"));
                return Err(format!(
                    "`{file}` has the partition columns `{found}`, the table has `{names}`; lay all files out alike"
                ));
            }
            Some(_) => {}
            None => names = Some(found),
        }
        values.push(row);
    }
    let names = names.unwrap_or_default();
    if let Some(name) =
        names.iter().enumerate().find_map(|(i, name)| names.iter().skip(i + 1).find(|other| *other == name))
    {
        return Err(format!("the path names the partition column `{name}` twice"));
    }
    let columns = names
        .into_iter()
        .enumerate()
        .map(|(i, name)| {
            let column: Vec<Option<&str>> =
                values.iter().map(|row| row.get(i).and_then(|value| value.as_deref())).collect();
            let data_type = match declared.and_then(|columns| columns.get(i)) {
                Some((_, data_type)) => {
                    check(&column, data_type)
                        .map_err(|bad| format!("the partition value `{name}={bad}` is no {data_type}"))?;
                    data_type.clone()
                }
                None => infer(&column),
            };
            Ok(PartitionColumn { name, data_type })
        })
        .collect::<Result<_, String>>()?;
    Ok(Partitions { columns, values })
}

/// `key=value` folders between the table's place and the file, decoded.
fn parts(folder: &Path, file: &Path) -> Result<Vec<(String, Option<String>)>, String> {
    let below = file.as_ref().strip_prefix(folder.as_ref()).unwrap_or_default().trim_start_matches('/');
    let folders = below.rsplit_once('/').map_or("", |(folders, _)| folders);
    let mut parts = Vec::new();
    for part in folders.split('/') {
        let Some((key, value)) = part.split_once('=') else { continue };
        let decode = |text| {
            percent_encoding::percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| {
                format!("the folder `{part}` of `{file}` is not UTF-8 once its percent escapes are decoded")
            })
        };
        let key = decode(key)?;
        if key.is_empty() {
            return Err(format!("the folder `{part}` of `{file}` names no partition column"));
        }
        parts.push((key, if value == NULL_VALUE { None } else { Some(decode(value)?) }));
    }
    Ok(parts)
}

/// Whole numbers if all values are written as one would print them, dates if all are ISO dates, else text.
fn infer(values: &[Option<&str>]) -> DataType {
    let mut known = values.iter().flatten().peekable();
    if known.peek().is_none() {
        return DataType::Utf8;
    }
    let known: Vec<_> = known.collect();
    if known.iter().all(|value| is_canonical_int(value)) {
        DataType::Int64
    } else if known.iter().all(|value| is_date(value)) {
        DataType::Date32
    } else {
        DataType::Utf8
    }
}

/// The first value that is not of the type.
fn check(values: &[Option<&str>], data_type: &DataType) -> Result<(), String> {
    let texts = StringArray::from(values.to_vec());
    let lenient = CastOptions { safe: true, ..Default::default() };
    let cast = cast_with_options(&texts, data_type, &lenient).map_err(|error| error.to_string())?;
    let lost = (0..texts.len()).find(|i| texts.is_valid(*i) && cast.is_null(*i));
    match lost.and_then(|i| values.get(i)) {
        Some(value) => Err(value.unwrap_or_default().to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_paths(paths: &[&str], declared: Option<&[(String, DataType)]>) -> Result<Partitions, String> {
        let files: Vec<_> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        read(&Path::from("s/t"), &files, declared)
    }

    fn types(paths: &[&str]) -> Vec<(String, DataType)> {
        read_paths(paths, None).unwrap().columns.into_iter().map(|column| (column.name, column.data_type)).collect()
    }

    #[test]
    fn values_are_decoded_and_null_is_null() {
        let read = read_paths(
            &["s/t/city=S%C3%A3o%20Paulo%2FSP/a.csv", "s/t/city=__HIVE_DEFAULT_PARTITION__/b.csv", "s/t/city=/c.csv"],
            None,
        );
        let values = read.unwrap().values;
        assert_eq!(values, [vec![Some("São Paulo/SP".to_owned())], vec![None], vec![Some(String::new())]]);
    }

    #[test]
    fn an_equals_sign_in_a_value_stays() {
        assert_eq!(read_paths(&["s/t/k=a=b/f"], None).unwrap().values, [[Some("a=b".to_owned())]]);
    }

    #[test]
    fn types_are_inferred_from_all_values() {
        for (values, expected) in [
            (vec!["1", "-20", "0"], DataType::Int64),
            (vec!["01", "02"], DataType::Utf8),
            (vec!["1", "__HIVE_DEFAULT_PARTITION__"], DataType::Int64),
            (vec!["__HIVE_DEFAULT_PARTITION__"], DataType::Utf8),
            (vec!["2024-01-31", "2024-02-29"], DataType::Date32),
            (vec!["2024-01-31", "2023-02-29"], DataType::Utf8),
            (vec!["1", "2024-01-31"], DataType::Utf8),
            (vec!["1234567890123456789"], DataType::Utf8),
            (vec!["1", ""], DataType::Utf8),
        ] {
            let paths: Vec<_> = values.iter().map(|value| format!("s/t/k={value}/f.csv")).collect();
            let paths: Vec<_> = paths.iter().map(String::as_str).collect();
            assert_eq!(types(&paths), [("k".to_owned(), expected)], "{values:?}");
        }
    }

    #[test]
    fn several_columns_keep_path_order_and_plain_folders_say_nothing() {
        let paths = ["s/t/x/year=2024/month=01/f.csv", "s/t/x/year=2024/month=02/g=h.csv"];
        assert_eq!(types(&paths), [("year".to_owned(), DataType::Int64), ("month".to_owned(), DataType::Utf8)]);
    }

    #[test]
    fn files_laid_out_differently_are_refused() {
        for paths in [
            ["s/t/a=1/f.csv", "s/t/f.csv"],
            ["s/t/a=1/b=1/f.csv", "s/t/b=1/a=1/f.csv"],
            ["s/t/a=1/f.csv", "s/t/A=1/f.csv"],
            ["s/t/a=1/a=2/f.csv", "s/t/a=1/a=2/g.csv"],
        ] {
            assert!(read_paths(&paths, None).is_err(), "{paths:?}");
        }
        assert!(read_paths(&["s/t/a=%FF/f.csv"], None).is_err());
        assert!(read_paths(&["s/t/=1/f.csv"], None).is_err());
    }

    #[test]
    fn declared_columns_are_checked() {
        let declared = [("day".to_owned(), DataType::Date32)];
        let read = read_paths(&["s/t/day=2024-01-31/f.csv"], Some(&declared)).unwrap();
        assert_eq!(read.columns[0].data_type, DataType::Date32);
        assert!(read_paths(&["s/t/day=monday/f.csv"], Some(&declared)).is_err());
        assert!(read_paths(&["s/t/date=2024-01-31/f.csv"], Some(&declared)).is_err());
        assert_eq!(read_paths(&[], Some(&declared)).unwrap().columns.len(), 1);
    }
}
