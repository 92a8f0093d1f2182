//! The taut string: of all paths through a tube, the one that is straight wherever it can be.

use std::collections::VecDeque;

/// A point: time, height.
pub(super) type Point = (f64, f64);

/// The shortest path from the first to the last point of a tube, as its corners. `lower` and `upper` share their
/// times, which grow, and meet at both ends; `lower` is nowhere above `upper`.
///
/// Among all paths in the tube it has the least total variation of its slope and the least sum of every convex
/// function of its slope (Davies and Kovac, "Local extremes, runs, strings and multiresolution", 2001; Barlow,
/// Bartholomew, Bremner and Brunk, 1972). Found with the funnel of Lee and Preparata (1984) in linear time.
pub(super) fn taut_string(lower: &[Point], upper: &[Point]) -> Vec<Point> {
    let Some(start) = lower.first() else { return Vec::new() };
    let mut funnel = Funnel { corners: vec![*start], above: VecDeque::new(), below: VecDeque::new() };
    for (low, high) in lower.iter().zip(upper).skip(1) {
        funnel.extend(*high, Side::Above);
        funnel.extend(*low, Side::Below);
    }
    if let Some(end) = lower.last() {
        funnel.close(*end);
    }
    funnel.corners
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Above,
    Below,
}

/// What the path may still be: from its last corner, between a chain that bends upwards below `above` and one
/// that bends downwards over `below`.
struct Funnel {
    corners: Vec<Point>,
    above: VecDeque<Point>,
    below: VecDeque<Point>,
}

fn slope(from: Point, to: Point) -> f64 {
    (to.1 - from.1) / (to.0 - from.0)
}

impl Funnel {
    fn apex(&self) -> Point {
        self.corners.last().copied().unwrap_or_default()
    }

    fn extend(&mut self, point: Point, side: Side) {
        let sign = if side == Side::Above { 1.0 } else { -1.0 };
        let apex = self.apex();
        let (own, other) = match side {
            Side::Above => (&mut self.above, &mut self.below),
            Side::Below => (&mut self.below, &mut self.above),
        };
        // A corner that the line to the new point passes on the inner side is no corner of the chain.
        while let Some(last) = own.back().copied() {
            let before = own.iter().rev().nth(1).copied().unwrap_or(apex);
            if sign * (slope(before, last) - slope(last, point)) < 0.0 {
                break;
            }
            own.pop_back();
        }
        if own.is_empty() {
            // The new point may lie beyond the other chain: then the path follows that chain for a while.
            let mut from = apex;
            while let Some(next) = other.front().copied() {
                if sign * (slope(from, next) - slope(from, point)) <= 0.0 {
                    break;
                }
                self.corners.push(next);
                from = next;
                other.pop_front();
            }
        }
        own.push_back(point);
    }

    /// The rest of the path, to a point in which the two chains meet.
    fn close(&mut self, end: Point) {
        let chain = if self.above.len() > 1 { &self.above } else { &self.below };
        self.corners.extend(chain.iter().copied().filter(|corner| corner.0 < end.0));
        self.corners.push(end);
    }
}
