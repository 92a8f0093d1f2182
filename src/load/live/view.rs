//! What is said of a run while it goes on: pure, from its progress.

use crate::{
    load::{
        figure,
        outcome::{DaemonSample, Sample},
        run::{Phase, Progress},
    },
    simulation::plot::chart::time,
};
use std::collections::VecDeque;

/// Seconds that the small picture shows.
const SHOWN: usize = 30;
const BAR: usize = 32;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last progress, and the way to it.
#[derive(Debug, Clone, Default)]
pub struct View {
    name: String,
    progress: Option<Progress>,
    accepted: VecDeque<u64>,
}

impl View {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub fn see(&mut self, progress: Progress) {
        if progress.phase == Phase::Driving {
            self.accepted.push_back(progress.sample.accepted);
            if self.accepted.len() > SHOWN {
                self.accepted.pop_front();
            }
        }
        self.progress = Some(progress);
    }

    /// For a terminal: always as many lines, so that they can be written over.
    pub fn lines(&self) -> [String; 4] {
        let name = &self.name;
        let empty = String::new;
        match &self.progress {
            None => [format!("{name}  starting"), empty(), empty(), empty()],
            Some(Progress { phase: Phase::Starting, .. }) => {
                [format!("{name}  the daemon starts"), empty(), empty(), empty()]
            }
            Some(progress) if progress.phase == Phase::Proving => {
                let daemon = format!("  daemon   {}", told(&progress.sample));
                [format!("{name}  {}", where_it_is(progress)), daemon, empty(), empty()]
            }
            Some(progress) => {
                let sample = &progress.sample;
                [
                    format!("{name}  {}", where_it_is(progress)),
                    format!("  rate     {}  {}", rate(sample), self.picture()).trim_end().to_owned(),
                    format!("  latency  {}", latency(sample)),
                    format!("  daemon   {}", told(sample)),
                ]
            }
        }
    }

    /// The same in one line, for a log.
    pub fn line(&self) -> String {
        let Some(progress) = &self.progress else { return format!("{}: starting", self.name) };
        let at = match progress.phase {
            Phase::Starting => return format!("{}: the daemon starts", self.name),
            Phase::Driving => {
                format!("{} of {}, {}", seconds(progress.second), seconds(progress.length), progress.stage)
            }
            Phase::Proving => return format!("{}: proving; {}", self.name, told(&progress.sample)),
        };
        let sample = &progress.sample;
        let daemon = sample.daemon.as_ref().map(|sample| format!("; {}", daemon(sample)));
        format!("{}: {at}: {}; {}{}", self.name, rate(sample), latency(sample), daemon.unwrap_or_default())
    }

    /// The last seconds' accepted records, from nothing to the most among them.
    fn picture(&self) -> String {
        let most = self.accepted.iter().copied().max().unwrap_or_default().max(1);
        let heights = self.accepted.iter().map(|count| {
            let place = (count * (HEIGHTS.len() as u64 - 1)).div_ceil(most);
            usize::try_from(place).ok().and_then(|place| HEIGHTS.get(place)).copied().unwrap_or(' ')
        });
        heights.collect()
    }
}

fn seconds(value: f64) -> String {
    time(value.round())
}

fn where_it_is(progress: &Progress) -> String {
    if progress.phase == Phase::Proving {
        return "all is sent; waiting until it has arrived, then proving".to_owned();
    }
    let share = if progress.length > 0.0 { (progress.second / progress.length).clamp(0.0, 1.0) } else { 0.0 };
    let full = (share * BAR as f64).round() as usize;
    let bar = format!("{}{}", "━".repeat(full), "─".repeat(BAR.saturating_sub(full)));
    format!("{bar}  {} of {}  {}", seconds(progress.second), seconds(progress.length), progress.stage)
}

fn rate(sample: &Sample) -> String {
    let mut parts = vec![
        format!("{} planned", figure::rate(sample.planned as f64)),
        format!("{} accepted", figure::rate(sample.accepted as f64)),
    ];
    for (count, what) in [(sample.refused, "refused"), (sample.unsent, "unsent")] {
        if count > 0 {
            parts.push(format!("{} {what}", figure::rate(count as f64)));
        }
    }
    parts.join(", ")
}

fn latency(sample: &Sample) -> String {
    if sample.max == 0.0 {
        return "no answer in this second".to_owned();
    }
    let at = [("p50", sample.p50), ("p99", sample.p99), ("max", sample.max)];
    at.map(|(name, value)| format!("{name} {}", figure::duration(value))).join(", ")
}

/// What the daemon says of itself, if it does.
fn told(sample: &Sample) -> String {
    sample.daemon.as_ref().map_or_else(|| "the target tells no health".to_owned(), daemon)
}

fn daemon(sample: &DaemonSample) -> String {
    let backlog: f64 = sample.nodes.values().map(|node| node.backlog).sum();
    let workers = |of: fn(&crate::load::outcome::NodeSample) -> u32| {
        figure::count(sample.nodes.values().map(|node| u64::from(of(node))).sum())
    };
    format!(
        "{} wait, the oldest for {}; {} of {} workers in service; {}",
        figure::count(backlog.max(0.0).round() as u64),
        figure::duration(sample.oldest_age()),
        workers(|node| node.in_service),
        workers(|node| node.desired),
        figure::bytes(sample.memory_bytes as f64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::outcome::made;

    fn seen(seconds: usize) -> View {
        let mut view = View::new("spike10x");
        for sample in made::outcome().samples.into_iter().take(seconds) {
            let stage = if sample.second <= 20.0 { "warm-up" } else { "spike" }.to_owned();
            view.see(Progress { phase: Phase::Driving, stage, second: sample.second, length: 60.0, sample });
        }
        view
    }

    #[test]
    fn a_terminal_shows_where_the_run_is_and_how_it_goes() {
        let expected = [
            "spike10x  ━━━━━━━━━━━━━───────────────────  25 s of 1 min  spike",
            "  rate     1,000/s planned, 1,000/s accepted, 20/s refused  ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂█████",
            "  latency  p50 12 ms, p99 80 ms, max 90 ms",
            "  daemon   203 wait, the oldest for 1 s; 10 of 10 workers in service; 65.6 MiB",
        ];
        assert_eq!(seen(25).lines(), expected);
    }

    #[test]
    fn a_log_has_the_same_in_one_line() {
        assert_eq!(
            seen(20).line(),
            "spike10x: 20 s of 1 min, warm-up: 100/s planned, 100/s accepted; p50 3 ms, p99 6 ms, max 90 ms; \
             8 wait, the oldest for 100 ms; 3 of 3 workers in service; 65.2 MiB"
        );
    }

    #[test]
    fn before_after_and_without_health_it_says_so() {
        let mut view = View::new("smoke");
        assert_eq!(view.line(), "smoke: starting");
        assert_eq!(view.lines()[0], "smoke  starting");
        view.see(Progress::default());
        assert_eq!(view.lines()[0], "smoke  the daemon starts");
        view.see(Progress { phase: Phase::Driving, second: 1.0, ..Progress::default() });
        assert_eq!(view.lines()[3], "  daemon   the target tells no health");
        assert!(
            view.line().ends_with("0/s planned, 0/s accepted; no answer in this second"),
            "{}",
            view.line()
        );
        view.see(Progress { phase: Phase::Proving, ..Progress::default() });
        assert!(view.lines()[0].contains("waiting until it has arrived, then proving"));
        assert_eq!(view.line(), "smoke: proving; the target tells no health");
    }
}
