//! Records counted over time.

/// Records of one sample.
#[derive(Debug, Clone, Copy)]
pub struct Count {
    pub seconds: f64,
    pub records: f64,
}

impl Count {
    pub fn rate(self) -> f64 {
        self.records / self.seconds
    }
}

/// Records of several samples.
#[derive(Debug, Clone, Copy, Default)]
pub struct Total {
    pub seconds: f64,
    pub records: f64,
}

impl Total {
    pub fn of(sample: Count) -> Self {
        Self { seconds: sample.seconds, records: sample.records }
    }

    pub fn add(&mut self, sample: Count) {
        self.seconds += sample.seconds;
        self.records += sample.records;
    }

    pub fn without(self, part: Self) -> Self {
        Self { seconds: self.seconds - part.seconds, records: self.records - part.records }
    }

    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.records / self.seconds } else { 0.0 }
    }
}
