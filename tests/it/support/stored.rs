//! What lies on disk, read without Caudal's own code: raw objects and Delta tables.

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, StringArray},
        compute::cast,
        datatypes::{DataType, Int64Type},
        record_batch::RecordBatch,
    },
    parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
};
use std::{
    collections::BTreeSet,
    fs,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

/// All files below a folder, in order of name. None when the folder does not exist.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The lines of all finished raw objects below a folder.
pub fn raw_lines(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for path in files_below(folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // What is not finished yet may have got its name meanwhile.
            Err(fault) if fault.kind() == ErrorKind::NotFound => continue,
            Err(fault) => panic!("{}: {fault}", path.display()),
        };
        let text = if name.ends_with(".jsonl.zst") {
            zstd::decode_all(bytes.as_slice()).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
        } else if name.ends_with(".jsonl.gz") {
            let mut text = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut text).unwrap();
            text
        } else if name.ends_with(".jsonl") {
            bytes
        } else {
            continue;
        };
        let text = String::from_utf8(text).unwrap();
        assert!(text.ends_with('\n'), "{} ends within a line", path.display());
        lines.extend(text.lines().map(str::to_owned));
    }
    lines
}

/// A Delta table's live rows. Its log is read by hand, so that the test does not trust the writer's library.
#[derive(Debug)]
pub struct Table {
    batches: Vec<RecordBatch>,
    /// Live data files.
    pub files: usize,
    /// Commits in the log.
    pub commits: usize,
}

impl Table {
    /// Reads the table; one that has not been made yet has no rows.
    pub fn read(folder: &Path) -> Self {
        let mut live = BTreeSet::new();
        let mut commits = 0;
        for path in files_below(&folder.join("_delta_log")) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.len() != 25 || !name.ends_with(".json") {
                continue;
            }
            commits += 1;
            for line in fs::read_to_string(&path).unwrap().lines() {
                let action: serde_json::Value = serde_json::from_str(line).unwrap();
                if let Some(file) = action["add"]["path"].as_str() {
                    live.insert(file.to_owned());
                }
                if let Some(file) = action["remove"]["path"].as_str() {
                    live.remove(file);
                }
            }
        }
        let mut batches = Vec::new();
        for file in &live {
            let path = folder.join(file);
            let opened = fs::File::open(&path)
                .unwrap_or_else(|fault| panic!("the table names {}: {fault}", path.display()));
            let reader = ParquetRecordBatchReaderBuilder::try_new(opened).unwrap().build().unwrap();
            batches.extend(reader.map(Result::unwrap));
        }
        Self { batches, files: live.len(), commits }
    }

    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    pub fn columns(&self) -> Vec<String> {
        let Some(batch) = self.batches.first() else { return Vec::new() };
        batch.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    fn column(&self, name: &str, kind: &DataType) -> Vec<ArrayRef> {
        let of = |batch: &RecordBatch| {
            let found = batch.column_by_name(name);
            let found = found.unwrap_or_else(|| panic!("no column {name}; there are {:?}", self.columns()));
            cast(found, kind).unwrap()
        };
        self.batches.iter().map(of).collect()
    }

    pub fn numbers(&self, name: &str) -> Vec<i64> {
        let arrays = self.column(name, &DataType::Int64);
        arrays.iter().flat_map(|array| array.as_primitive::<Int64Type>().values().to_vec()).collect()
    }

    pub fn texts(&self, name: &str) -> Vec<String> {
        let text = |array: &StringArray| {
            let row = |at: usize| {
                assert!(!array.is_null(at), "column {name} is null in row {at}");
                array.value(at).to_owned()
            };
            (0..array.len()).map(row).collect::<Vec<_>>()
        };
        let arrays = self.column(name, &DataType::Utf8);
        arrays.iter().flat_map(|array| text(array.as_string::<i32>())).collect()
    }

    /// `(shard, sequence)` of each row.
    pub fn positions(&self) -> Vec<(i64, i64)> {
        self.numbers("_shard").into_iter().zip(self.numbers("_sequence")).collect()
    }
}
