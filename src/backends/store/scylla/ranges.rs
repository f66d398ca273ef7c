//! A scan as the ranges CQL can say: after a cursor a partition goes on with the rows that share all but the last column
//! of the cursor's key, then with those that share all but the last two, and so on. Orders may differ from column to
//! column, which one comparison of whole keys could not say.

use std::{cmp::Ordering, ops::Bound};

use super::{
    super::{
        engine::{Direction, Scan},
        table::{Order, Table},
        value::Value,
    },
    cells::{Bind, binds},
    statements::{Edge, Range, Shape},
};

/// Each range in the order its rows come in, without the limit that is bound last.
pub(super) fn of(table: &Table, scan: &Scan) -> Vec<(Shape, Vec<Bind>)> {
    let whole = (scan.from.clone(), scan.to.clone());
    let Some(after) = &scan.after else {
        return range(scan, &[], whole).into_iter().collect();
    };
    let mut ranges = Vec::new();
    for equal in (0..after.len()).rev() {
        let beyond = beyond(table, scan.direction, equal, &after[equal]);
        let bounds = match equal {
            0 => Some(narrower(whole.clone(), beyond)),
            _ => contains(&whole, &after[0]).then_some(beyond),
        };
        ranges.extend(bounds.and_then(|bounds| range(scan, &after[..equal], bounds)));
    }
    ranges
}

type Bounds = (Bound<Value>, Bound<Value>);

/// What follows a value of a column.
fn beyond(table: &Table, direction: Direction, column: usize, value: &Value) -> Bounds {
    let rises = (table.clustering[column].order == Order::Ascending) == (direction == Direction::Declared);
    match rises {
        true => (Bound::Excluded(value.clone()), Bound::Unbounded),
        false => (Bound::Unbounded, Bound::Excluded(value.clone())),
    }
}

fn range(scan: &Scan, equal: &[Value], (low, high): Bounds) -> Option<(Shape, Vec<Bind>)> {
    if is_empty(&low, &high) {
        return None;
    }
    let reversed = scan.direction == Direction::Reversed;
    let range = Range { equal: equal.len(), low: edge(&low), high: edge(&high), reversed };
    let ends = [low, high].into_iter().filter_map(value_of).map(Bind::Value);
    Some((Shape::Range(range), binds(&scan.partition).chain(binds(equal)).chain(ends).collect()))
}

fn edge(bound: &Bound<Value>) -> Edge {
    match bound {
        Bound::Unbounded => Edge::Open,
        Bound::Included(_) => Edge::Included,
        Bound::Excluded(_) => Edge::Excluded,
    }
}

fn value_of(bound: Bound<Value>) -> Option<Value> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(value) | Bound::Excluded(value) => Some(value),
    }
}

fn is_empty(low: &Bound<Value>, high: &Bound<Value>) -> bool {
    match (low, high) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(low), Bound::Included(high)) => low > high,
        (Bound::Included(low) | Bound::Excluded(low), Bound::Included(high) | Bound::Excluded(high)) => {
            low >= high
        }
    }
}

fn contains((low, high): &Bounds, value: &Value) -> bool {
    std::ops::RangeBounds::contains(&(low.as_ref(), high.as_ref()), value)
}

/// Both conditions at once.
fn narrower(one: Bounds, other: Bounds) -> Bounds {
    (stricter(one.0, other.0, Ordering::Greater), stricter(one.1, other.1, Ordering::Less))
}

fn stricter(one: Bound<Value>, other: Bound<Value>, wins: Ordering) -> Bound<Value> {
    let (left, right) = match (&one, &other) {
        (Bound::Unbounded, _) => return other,
        (_, Bound::Unbounded) => return one,
        (Bound::Included(left) | Bound::Excluded(left), Bound::Included(right) | Bound::Excluded(right)) => {
            (left, right)
        }
    };
    match left.cmp(right) {
        Ordering::Equal if matches!(one, Bound::Excluded(_)) => one,
        Ordering::Equal => other,
        order if order == wins => one,
        _ => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{
            Record,
            tables::{feed::FeedEntry, room::Entry},
        },
        *,
    };

    fn scan(from: Bound<i64>, to: Bound<i64>, direction: Direction, after: Option<Vec<Value>>) -> Scan {
        let partition = vec![Value::Text("p".into()), Value::Int(0)];
        Scan { partition, from: from.map(Value::Int), to: to.map(Value::Int), direction, limit: 10, after }
    }

    /// The ends of the ranges, as text.
    fn told(table: &Table, scan: &Scan) -> Vec<String> {
        let tell = |(shape, binds): (Shape, Vec<Bind>)| {
            let Shape::Range(range) = shape else { panic!("no range") };
            let mut ends = binds[2 + range.equal..].iter().map(|bind| match bind {
                Bind::Value(Value::Int(number)) => number.to_string(),
                other => format!("{other:?}"),
            });
            let mut end = |edge, signs: [&str; 2]| match edge {
                Edge::Open => String::new(),
                Edge::Included => format!("{}{}", signs[0], ends.next().unwrap()),
                Edge::Excluded => format!("{}{}", signs[1], ends.next().unwrap()),
            };
            format!("{}: {} {}", range.equal, end(range.low, [">=", ">"]), end(range.high, ["<=", "<"]))
        };
        of(table, scan).into_iter().map(tell).collect()
    }

    #[test]
    fn a_cursor_narrows_the_range_in_the_direction_of_the_walk() {
        use Bound::{Excluded, Included, Unbounded};
        let entries = |from, to, direction, after: Option<i64>| {
            told(Entry::TABLE, &scan(from, to, direction, after.map(|offset| vec![Value::Int(offset)])))
        };
        assert_eq!(entries(Unbounded, Unbounded, Direction::Declared, None), ["0:  "]);
        assert_eq!(entries(Included(3), Unbounded, Direction::Declared, Some(7)), ["0: >=3 <7"]);
        assert_eq!(entries(Included(3), Included(5), Direction::Declared, Some(7)), ["0: >=3 <=5"]);
        assert_eq!(entries(Included(3), Excluded(9), Direction::Reversed, Some(7)), ["0: >7 <9"]);
        assert_eq!(entries(Included(7), Unbounded, Direction::Reversed, Some(7)), ["0: >7 "]);
        assert_eq!(entries(Included(7), Unbounded, Direction::Declared, Some(7)), [""; 0]);
        assert_eq!(entries(Included(5), Excluded(5), Direction::Declared, None), [""; 0]);
    }

    #[test]
    fn a_key_of_two_columns_goes_on_with_its_equals_first() {
        let after = || Some(vec![Value::Int(7), Value::Text("v".into())]);
        let feed = |from: Bound<i64>, direction| {
            told(FeedEntry::TABLE, &scan(from, Bound::Unbounded, direction, after()))
        };
        let id = r#"Value(Text("v"))"#;
        assert_eq!(feed(Bound::Unbounded, Direction::Declared), [format!("1: >{id} "), "0:  <7".into()]);
        assert_eq!(feed(Bound::Unbounded, Direction::Reversed), [format!("1:  <{id}"), "0: >7 ".into()]);
        assert_eq!(feed(Bound::Included(9), Direction::Declared), [""; 0]);
        assert_eq!(feed(Bound::Excluded(7), Direction::Reversed), ["0: >7 "]);
    }
}
