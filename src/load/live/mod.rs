//! A run while it goes on: written over each second on a terminal, a line now and then elsewhere.

mod view;

pub use view::View;

use super::run::Progress;
use std::io::{self, Write};

/// Between two lines where there is no terminal, seconds.
const QUIET: f64 = 5.0;
const LINE_UP: &str = "\x1b[1A";
const CLEAR: &str = "\r\x1b[2K";
/// Lines that are too long are cut off, so that as many are written over as were written.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Where a run is shown. That it cannot be shown is no reason to stop it.
#[derive(Debug)]
pub struct Screen<W: Write> {
    out: W,
    is_terminal: bool,
    view: View,
    /// Lines that stand on the terminal.
    drawn: usize,
    said: Option<Said>,
}

/// What the last line told of.
#[derive(Debug, PartialEq)]
struct Said {
    what: String,
    second: f64,
}

impl<W: Write> Screen<W> {
    pub fn new(out: W, is_terminal: bool, name: &str) -> Self {
        Self { out, is_terminal, view: View::new(name), drawn: 0, said: None }
    }

    pub fn show(&mut self, progress: Progress) {
        let said = Said { what: format!("{:?} {}", progress.phase, progress.stage), second: progress.second };
        self.view.see(progress);
        let _ = if self.is_terminal { self.draw() } else { self.say(said) };
    }

    /// Takes away what stands on the terminal.
    pub fn clear(&mut self) {
        let _ = self.wipe().and_then(|()| self.out.flush());
    }

    fn wipe(&mut self) -> io::Result<()> {
        for _ in 0..std::mem::take(&mut self.drawn) {
            write!(self.out, "{LINE_UP}{CLEAR}")?;
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        self.wipe()?;
        let lines = self.view.lines();
        write!(self.out, "{NO_WRAP}")?;
        for line in &lines {
            writeln!(self.out, "{line}")?;
        }
        write!(self.out, "{WRAP}")?;
        self.drawn = lines.len();
        self.out.flush()
    }

    fn say(&mut self, said: Said) -> io::Result<()> {
        let is_due = self
            .said
            .as_ref()
            .is_none_or(|last| last.what != said.what || said.second - last.second >= QUIET);
        if !is_due {
            return Ok(());
        }
        self.said = Some(said);
        writeln!(self.out, "{}", self.view.line())?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{outcome::made, run::Phase};

    fn shown(is_terminal: bool) -> String {
        let mut screen = Screen::new(Vec::new(), is_terminal, "spike10x");
        for sample in made::outcome().samples.into_iter().take(23) {
            let stage = if sample.second <= 12.0 { "one" } else { "two" }.to_owned();
            screen.show(Progress {
                phase: Phase::Driving,
                stage,
                second: sample.second,
                length: 60.0,
                sample,
            });
        }
        screen.clear();
        String::from_utf8(screen.out).unwrap()
    }

    #[test]
    fn elsewhere_than_on_a_terminal_there_is_a_line_every_few_seconds_and_for_each_stage() {
        let text = shown(false);
        let told: Vec<&str> = text.lines().map(|line| line.split(':').nth(1).unwrap().trim()).collect();
        let expected = ["1 s of 1 min, one", "6 s of 1 min, one", "11 s of 1 min, one", "13 s of 1 min, two"];
        assert_eq!(told[..4], expected);
        assert_eq!(told.len(), 6);
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn on_a_terminal_as_many_lines_are_taken_away_as_were_written() {
        let text = shown(true);
        assert_eq!(text.matches(LINE_UP).count(), text.matches('\n').count());
        assert_eq!(text.matches('\n').count(), 23 * 4);
        assert_eq!(text.matches(NO_WRAP).count(), text.matches(WRAP).count());
    }
}
