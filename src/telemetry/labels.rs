//! Metrics that are split by one word, and those of routes. A label set is a type, so a metric cannot be given the
//! label of another. Used by `metrics` alone; everyone else sees `of(…)`.

use std::{fmt::Debug, hash::Hash};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeMetric},
    metrics::{TypedMetric, family::Family, histogram::Histogram},
    registry::Registry,
};

/// Buckets from 0.5 ms to 30 s: what an fsync, a frame, a request or a stage may take.
const SECONDS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

pub(super) fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// Puts a metric on the list that `/metrics` prints.
pub(super) trait Register {
    fn register(&self, registry: &mut Registry, name: &str, help: &str);
}

/// A metric split by the label set `L`.
pub struct By<L, M>(Family<L, M>);

impl<L: Clone + Hash + Eq, M: Clone> By<L, M> {
    /// The metric of a label, which is a constant of the code and never an id.
    pub fn of(&self, label: impl Into<L>) -> M {
        self.0.get_or_create_owned(&label.into())
    }
}

impl<L: Clone + Hash + Eq, M: Default> Default for By<L, M> {
    fn default() -> Self {
        Self(Family::default())
    }
}

impl<L: Clone + Hash + Eq> By<L, Histogram> {
    pub(super) fn histograms() -> Self {
        Self(Family::new_with_constructor(seconds))
    }
}

impl<L, M> Register for By<L, M>
where
    L: EncodeLabelSet + Clone + Hash + Eq + Debug + Send + Sync + 'static,
    M: EncodeMetric + TypedMetric + Debug + Send + Sync + 'static,
{
    fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.0.clone());
    }
}

macro_rules! label {
    ($(#[doc = $doc:literal] $name:ident { $key:ident })*) => {$(
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        pub struct $name {
            $key: &'static str,
        }

        impl From<&'static str> for $name {
            fn from($key: &'static str) -> Self {
                Self { $key }
            }
        }
    )*};
}

label! {
    /// What sort of thing.
    Kind { kind }
    /// How it ended.
    Outcome { outcome }
    /// A stable problem code or a close code.
    Code { code }
    /// The state it is in.
    State { state }
}

/// A request by what it asked for. `route` is the pattern that matched (`/api/v1/videos/{id}`), never the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Route {
    pub method: &'static str,
    pub route: String,
}

/// A request by what it asked for and what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Answer {
    pub method: &'static str,
    pub route: String,
    pub status: u16,
}

/// The methods that may be labels; whatever else a client invents is one word.
pub fn method(name: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == name).unwrap_or("OTHER")
}
