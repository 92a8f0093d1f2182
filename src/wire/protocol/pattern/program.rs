//! A pattern compiled to steps, all of whose ways are followed at once.

use std::{iter::Peekable, str::Chars};

/// Steps that a pattern may have: repetitions are written out.
const MOST_STEPS: usize = 4_096;

/// One step, leading to others by their places.
#[derive(Debug, Clone)]
enum Step {
    /// Takes one character of a set.
    Take(Set, usize),
    /// Goes on at both.
    Fork(usize, usize),
    /// The text matched if it ends here.
    End,
}

/// Characters by ranges.
#[derive(Debug, Clone, Default)]
struct Set {
    ranges: Vec<(char, char)>,
    is_negated: bool,
}

/// What a pattern says.
#[derive(Debug, Clone)]
enum Term {
    One(Set),
    Row(Vec<Term>),
    Either(Vec<Term>),
    /// At least so often, and at most.
    Repeat(Box<Term>, usize, Option<usize>),
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    steps: Vec<Step>,
    begin: usize,
}

impl Program {
    /// `None` for what is not in the dialect.
    pub(super) fn compile(pattern: &str) -> Option<Self> {
        let mut letters = pattern.chars().peekable();
        let term = either(&mut letters)?;
        if letters.next().is_some() {
            return None;
        }
        let mut program = Self { steps: vec![Step::End], begin: 0 };
        program.begin = program.lay(&term, 0)?;
        Some(program)
    }

    fn push(&mut self, step: Step) -> Option<usize> {
        self.steps.push(step);
        (self.steps.len() <= MOST_STEPS).then(|| self.steps.len() - 1)
    }

    /// Lays a term before the step `next`; answers where it begins.
    fn lay(&mut self, term: &Term, next: usize) -> Option<usize> {
        match term {
            Term::One(set) => self.push(Step::Take(set.clone(), next)),
            Term::Row(terms) => terms.iter().rev().try_fold(next, |next, term| self.lay(term, next)),
            Term::Either(terms) => {
                let (last, others) = terms.split_last()?;
                let begin = self.lay(last, next)?;
                others.iter().rev().try_fold(begin, |other, term| {
                    let begin = self.lay(term, next)?;
                    self.push(Step::Fork(begin, other))
                })
            }
            Term::Repeat(term, least, most) => {
                let mut begin = match most {
                    None => self.endless(term, next)?,
                    Some(most) => (*least..*most).try_fold(next, |inner, _| {
                        let begin = self.lay(term, inner)?;
                        self.push(Step::Fork(begin, next))
                    })?,
                };
                for _ in 0..*least {
                    begin = self.lay(term, begin)?;
                }
                Some(begin)
            }
        }
    }

    fn endless(&mut self, term: &Term, next: usize) -> Option<usize> {
        let fork = self.push(Step::Fork(next, next))?;
        let begin = self.lay(term, fork)?;
        *self.steps.get_mut(fork)? = Step::Fork(begin, next);
        Some(fork)
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let (mut now, mut then) = (Places::new(self.steps.len()), Places::new(self.steps.len()));
        self.reach(self.begin, &mut now);
        for letter in text.chars() {
            then.clear();
            for at in &now.list {
                if let Some(Step::Take(set, next)) = self.steps.get(*at)
                    && set.has(letter)
                {
                    self.reach(*next, &mut then);
                }
            }
            std::mem::swap(&mut now, &mut then);
            if now.list.is_empty() {
                return false;
            }
        }
        now.list.iter().any(|at| matches!(self.steps.get(*at), Some(Step::End)))
    }

    /// Adds a step and all that it forks to.
    fn reach(&self, at: usize, places: &mut Places) {
        let mut waiting = vec![at];
        while let Some(at) = waiting.pop() {
            if places.add(at)
                && let Some(Step::Fork(one, other)) = self.steps.get(at)
            {
                waiting.extend([*one, *other]);
            }
        }
    }
}

/// Steps that were reached, each once.
struct Places {
    list: Vec<usize>,
    has: Vec<bool>,
}

impl Places {
    fn new(steps: usize) -> Self {
        Self { list: Vec::new(), has: vec![false; steps] }
    }

    /// Whether it was not there before.
    fn add(&mut self, at: usize) -> bool {
        let Some(has) = self.has.get_mut(at) else { return false };
        if !std::mem::replace(has, true) {
            self.list.push(at);
            return true;
        }
        false
    }

    fn clear(&mut self) {
        self.list.clear();
        self.has.fill(false);
    }
}

impl Set {
    fn of(letter: char) -> Self {
        Self { ranges: vec![(letter, letter)], is_negated: false }
    }

    fn has(&self, letter: char) -> bool {
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&letter)) != self.is_negated
    }
}

type Letters<'p> = Peekable<Chars<'p>>;

fn either(letters: &mut Letters<'_>) -> Option<Term> {
    let mut terms = vec![row(letters)?];
    while letters.next_if_eq(&'|').is_some() {
        terms.push(row(letters)?);
    }
    Some(Term::Either(terms))
}

fn row(letters: &mut Letters<'_>) -> Option<Term> {
    let mut terms = Vec::new();
    while let Some(letter) = letters.next_if(|letter| !matches!(letter, '|' | ')')) {
        let term = match letter {
            // The whole text has to match anyway.
            '^' | '$' => continue,
            '(' => {
                let inner = either(letters)?;
                letters.next_if_eq(&')')?;
                inner
            }
            '[' => Term::One(class(letters)?),
            '.' => Term::One(Set { ranges: vec![('\n', '\n'), ('\r', '\r')], is_negated: true }),
            '\\' => Term::One(escaped(letters.next()?)?),
            '*' | '+' | '?' | '{' | '}' | ']' => return None,
            plain => Term::One(Set::of(plain)),
        };
        terms.push(repeated(term, letters)?);
    }
    Some(Term::Row(terms))
}

fn escaped(letter: char) -> Option<Set> {
    let blank = vec![(' ', ' '), ('\t', '\r')];
    match letter {
        'd' => Some(Set { ranges: vec![('0', '9')], is_negated: false }),
        's' => Some(Set { ranges: blank, is_negated: false }),
        'S' => Some(Set { ranges: blank, is_negated: true }),
        'w' => Some(Set { ranges: vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')], is_negated: false }),
        'n' => Some(Set::of('\n')),
        't' => Some(Set::of('\t')),
        'r' => Some(Set::of('\r')),
        other => (!other.is_ascii_alphanumeric()).then(|| Set::of(other)),
    }
}

/// What stands between brackets; the first is taken already.
fn class(letters: &mut Letters<'_>) -> Option<Set> {
    let mut set = Set { ranges: Vec::new(), is_negated: letters.next_if_eq(&'^').is_some() };
    loop {
        let first = match letters.next()? {
            ']' => return Some(set),
            '\\' => {
                let escaped = escaped(letters.next()?)?;
                match escaped.ranges.as_slice() {
                    [(one, same)] if one == same => *one,
                    // A class within a class begins no range.
                    _ => {
                        set.ranges.extend(escaped.ranges);
                        continue;
                    }
                }
            }
            plain => plain,
        };
        let mut ahead = letters.clone();
        let is_range = ahead.next() == Some('-') && ahead.next().is_some_and(|last| last != ']');
        if !is_range {
            set.ranges.push((first, first));
            continue;
        }
        letters.next();
        let last = match letters.next()? {
            '\\' => letters.next()?,
            plain => plain,
        };
        set.ranges.push((first, last));
    }
}

fn repeated(term: Term, letters: &mut Letters<'_>) -> Option<Term> {
    let Some(sign) = letters.next_if(|letter| matches!(letter, '*' | '+' | '?' | '{')) else {
        return Some(term);
    };
    let (least, most) = match sign {
        '*' => (0, None),
        '+' => (1, None),
        '?' => (0, Some(1)),
        _ => counts(letters)?,
    };
    Some(Term::Repeat(Box::new(term), least, most))
}

/// `n}`, `n,}` or `n,m}`.
fn counts(letters: &mut Letters<'_>) -> Option<(usize, Option<usize>)> {
    let mut text = String::new();
    loop {
        match letters.next()? {
            '}' => break,
            letter => text.push(letter),
        }
    }
    match text.split_once(',') {
        None => text.parse().ok().map(|exact| (exact, Some(exact))),
        Some((least, "")) => Some((least.parse().ok()?, None)),
        Some((least, most)) => {
            let (least, most) = (least.parse().ok()?, most.parse().ok()?);
            (least <= most).then_some((least, Some(most)))
        }
    }
}
