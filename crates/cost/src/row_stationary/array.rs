//! A row-stationary array and the energies of its accesses.

/// Words a cycle between the buffer and the array, one network each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Network {
    /// Filter weights.
    pub filter_words_per_cycle: f64,
    /// Input words.
    pub input_words_per_cycle: f64,
    /// Partial sums, into the array and out of it each.
    pub sum_words_per_cycle: f64,
}

/// Energy of an access, in picojoules or in units of one multiply-accumulate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    /// A multiply-accumulate.
    pub mac: f64,
    /// A word of an element's memory.
    pub element: f64,
    /// A word arriving at an element, from the buffer or a neighbour.
    pub network: f64,
    /// A word of the buffer.
    pub buffer: f64,
    /// A word of the memory outside.
    pub backing: f64,
}

impl Energy {
    /// In units of one multiply-accumulate; Eyeriss ISCA 2016, table 4.
    pub const NORMALISED: Self = Self { mac: 1.0, element: 1.0, network: 2.0, buffer: 6.0, backing: 200.0 };

    /// 65 nm at 1 V in picojoules a 16-bit word: the figures the nn_dataflow test suite takes for the Eyeriss chip.
    pub const EYERISS_65NM_PJ: Self =
        Self { mac: 2.0, element: 1.0, network: 4.0, buffer: 15.0, backing: 460.0 };
}

/// A row-stationary array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Array {
    /// Elements along a column; filter rows are spread along it.
    pub rows: u64,
    /// Elements along a row; output rows are spread along it.
    pub columns: u64,
    /// Filter words of an element.
    pub filter_words: u64,
    /// Input words of an element.
    pub input_words: u64,
    /// Partial sums of an element.
    pub sum_words: u64,
    /// Banks of the buffer, each given to inputs or to sums for a layer.
    pub banks: u64,
    /// Words of a bank.
    pub bank_words: u64,
    /// The networks between buffer and array.
    pub network: Network,
    /// Clock.
    pub clock_mhz: f64,
}

impl Array {
    /// The Eyeriss chip, 65 nm (JSSC 2017, sections III and V, recalled): 12 x 14 elements with 224 filter words, 12 inputs and 24
    /// sums of 16 bits; 100 KiB of buffer in 25 banks of 512 x 64 bit for inputs and sums, and 8 KiB that only pass filters on;
    /// networks of 64 bits for filters and sums and 16 for inputs; 200 MHz.
    pub const EYERISS: Self = Self {
        rows: 12,
        columns: 14,
        filter_words: 224,
        input_words: 12,
        sum_words: 24,
        banks: 25,
        bank_words: 2048,
        network: Network {
            filter_words_per_cycle: 4.0,
            input_words_per_cycle: 1.0,
            sum_words_per_cycle: 4.0,
        },
        clock_mhz: 200.0,
    };

    /// Sets of `rows` filter rows by `e` output rows that stand on the array at once; 0 where not even one does.
    ///
    /// A set wider than the array is cut into segments that stand above each other (JSSC 2017, section IV-A).
    pub fn sets(&self, filter_rows: u64, e: u64) -> u64 {
        if filter_rows == 0 || e == 0 || filter_rows > self.rows {
            return 0;
        }
        let bands = self.rows / filter_rows;
        if e <= self.columns { bands * (self.columns / e) } else { bands / e.div_ceil(self.columns) }
    }
}
