//! A `.tflite` file to its tables and back.

use bytes::Bytes;

use super::schema::{Model, OperatorCode};
use super::table::Table;
use super::wire::{Problem, Reader, WireError, error};

const IDENTIFIER: &[u8; 4] = b"TFL3";

/// Whether `file` begins like a TFLite model.
pub fn looks_like(file: &[u8]) -> bool {
    file.get(4..8) == Some(IDENTIFIER)
}

/// Reads the tables of a file; constant data stays in `file` and is not copied.
///
/// Memory taken besides is at most [`super::MEMORY_FACTOR`] times the file's size.
///
/// # Errors
/// [`WireError`] with the field and the byte where the file breaks the format.
pub fn read(file: &Bytes) -> Result<Model, WireError> {
    let mut reader = Reader::new(file.clone());
    let inner = |reader: &mut Reader| {
        let root = reader.table(reader.follow(0)?)?;
        let mut model = Model::read(reader, root)?;
        outside_data(reader, &mut model)?;
        Ok(model)
    };
    inner(&mut reader).map_err(|e: WireError| e.within("model"))
}

/// Writes the tables as a file.
pub fn write(model: &Model) -> Vec<u8> {
    super::writer::write(model, IDENTIFIER)
}

/// Buffers of large models lie behind the flatbuffer, by offset and size.
fn outside_data(reader: &Reader, model: &mut Model) -> Result<(), WireError> {
    for (i, buffer) in model.buffers.0.iter_mut().enumerate() {
        if buffer.offset > 1 && buffer.data.is_empty() {
            let place = |at: usize| error(at, Problem::OutOfRange { needed: at, found: 0 });
            let at = usize::try_from(buffer.offset).map_err(|_| place(usize::MAX))?;
            let size = usize::try_from(buffer.size).map_err(|_| place(usize::MAX))?;
            buffer.data = reader.view(at, size).map_err(|e| e.within(&format!("buffers[{i}]")))?;
        }
    }
    Ok(())
}

impl OperatorCode {
    /// The operator's number: the greater of the old field and the new one.
    pub fn code(&self) -> i32 {
        self.builtin_code.max(i32::from(self.deprecated_builtin_code))
    }

    /// The codes of operator `number`, in both fields as readers of any age expect.
    pub fn of(number: i32, version: i32) -> OperatorCode {
        // 127 is the schema's own mark for "see the other field".
        let deprecated_builtin_code = i8::try_from(number).unwrap_or(127);
        OperatorCode { deprecated_builtin_code, builtin_code: number, version, ..OperatorCode::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tflite::schema::*;
    use crate::tflite::table::Tables;

    fn small() -> Model {
        let tensor = Tensor {
            shape: vec![1, 2],
            element: element::INT8,
            buffer: 1,
            name: "x".into(),
            quantization: Some(Quantization { scale: vec![0.5], zero_point: vec![-3], ..Default::default() }),
            ..Default::default()
        };
        let conv = Conv2dOptions { padding: padding::VALID, stride_w: 2, stride_h: 1, ..Default::default() };
        let operator = Operator {
            inputs: vec![0, -1],
            outputs: vec![0],
            options: Options::Conv2d(conv),
            ..Default::default()
        };
        let graph = SubGraph {
            tensors: Tables(vec![tensor]),
            inputs: vec![0],
            outputs: vec![0],
            operators: Tables(vec![operator]),
            name: "main".into(),
        };
        Model {
            version: 3,
            operator_codes: Tables(vec![OperatorCode::of(3, 5), OperatorCode::of(150, 1)]),
            subgraphs: Tables(vec![graph]),
            buffers: Tables(vec![
                Buffer::default(),
                Buffer { data: Bytes::from_static(&[7, 8]), ..Default::default() },
            ]),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let model = small();
        let file = Bytes::from(write(&model));
        assert!(looks_like(&file));
        assert_eq!(read(&file).expect("a sound file"), model);
    }

    #[test]
    fn a_buffer_begins_at_a_multiple_of_sixteen() {
        let file = Bytes::from(write(&small()));
        let data = &read(&file).expect("a sound file").buffers[1].data;
        let at = data.as_ptr() as usize - file.as_ptr() as usize;
        assert_eq!(at % 16, 0);
    }

    #[test]
    fn a_buffer_behind_the_tables_is_found_by_offset_and_size() {
        let mut model = small();
        model.buffers.0[1] = Buffer { data: Bytes::new(), offset: 4096, size: 3 };
        let mut file = write(&model);
        file.resize(4096, 0);
        file.extend_from_slice(&[1, 2, 3]);
        assert_eq!(&read(&Bytes::from(file.clone())).expect("a sound file").buffers[1].data[..], [1, 2, 3]);
        model.buffers.0[1] = Buffer { data: Bytes::new(), offset: u64::MAX, size: 0 };
        assert!(read(&Bytes::from(write(&model))).is_err(), "an empty buffer far behind the end");
        file.truncate(4098);
        let refused = read(&Bytes::from(file)).expect_err("one byte is missing");
        assert_eq!(
            refused.to_string(),
            "model.buffers[1]: at byte 4096: 3 bytes expected, the file ends after 2"
        );
    }

    #[test]
    fn every_truncation_is_an_error_or_reads_and_never_panics() {
        let file = write(&small());
        for len in 0..file.len() {
            let _ = read(&Bytes::copy_from_slice(&file[..len]));
        }
        assert!(read(&Bytes::new()).is_err());
    }

    #[test]
    fn many_offsets_to_one_value_exhaust_the_budget_not_the_memory() {
        let mut model = small();
        model.subgraphs.0[0].name = "a".repeat(20_000);
        let file = write(&model);
        let reader = Reader::new(Bytes::copy_from_slice(&file));
        let root = reader.table(reader.follow(0).unwrap()).unwrap();
        let slot = reader.field(root, 2, 4).unwrap().unwrap();
        let graph = reader.follow(reader.follow(slot).unwrap() + 4).unwrap();
        // Behind the file: a vector of 2,000 offsets, and behind that the file again, to whose sub-graph all of them lead.
        let vector = file.len().next_multiple_of(4);
        let copy = (vector + 4 + 4 * 2_000).next_multiple_of(16);
        let mut bomb = file.clone();
        bomb.resize(copy, 0);
        bomb.extend_from_slice(&file);
        let mut put =
            |at: usize, value: usize| bomb[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
        put(slot, vector - slot);
        put(vector, 2_000);
        (0..2_000).map(|i| vector + 4 + 4 * i).for_each(|at| put(at, copy + graph - at));
        let refused = read(&Bytes::from(bomb)).expect_err("40 MB of names in a file of 50 kB");
        assert!(matches!(refused.problem, Problem::Budget { .. }), "{refused}");
    }
}
