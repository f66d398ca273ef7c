//! What goes wrong, drawn from a seed, and how it comes right again.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{
    line::Mood,
    served::random::Random,
    world::{Machine, World},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    NodeKilled(usize),
    /// Longer than every lease of jobs and every memory of viewers.
    NodeFrozen(usize),
    /// In order, as when a new version is brought.
    NodeRestarted(usize),
    CassandraKilled(usize),
    /// It loses everything.
    RedisKilled,
    RedisFrozen,
    ObjectsAway,
    /// The disk under the S3 server is full.
    ObjectsFull,
    BusLine(usize, Mood),
    ObjectsLine(usize, Mood),
    /// Between clients and a node.
    Door(usize, Mood),
}

/// One fault, or two at once, and how long they last.
#[derive(Debug)]
pub struct Spell {
    pub faults: Vec<Fault>,
    pub lasts: Duration,
    /// How long all is well afterwards.
    pub rest: Duration,
}

const MACHINES: usize = 2;
const FREEZE: Duration = Duration::from_secs(18);

impl Spell {
    pub fn draw(random: &mut Random) -> Self {
        let first = Fault::draw(random);
        let mut faults = vec![first];
        if random.one_in(3) {
            let second = Fault::draw(random);
            if second.touches() != first.touches() {
                faults.push(second);
            }
        }
        let drawn = Duration::from_millis(1_000 + random.below(7_000) as u64);
        let freezes = faults.iter().any(|fault| matches!(fault, Fault::NodeFrozen(_)));
        let lasts = if freezes { FREEZE } else { drawn };
        Self { faults, lasts, rest: Duration::from_millis(1_000 + random.below(4_000) as u64) }
    }

    /// Begins, lasts and comes to an end. Servers are back before the nodes that need them to start.
    pub async fn pass(&self, world: &mut World) -> Vec<String> {
        let mut wrong = Vec::new();
        for fault in &self.faults {
            wrong.extend(fault.begin(world).await);
        }
        sleep(self.lasts).await;
        let (nodes, others): (Vec<Fault>, Vec<Fault>) =
            self.faults.iter().copied().partition(|fault| fault.ends_a_node());
        for fault in others.iter().chain(&nodes) {
            fault.end(world).await;
        }
        sleep(self.rest).await;
        wrong
    }
}

impl Fault {
    fn draw(random: &mut Random) -> Self {
        let machine = random.below(MACHINES);
        let mood = *random.pick(&[
            Mood::Slow(Duration::from_millis(200)),
            Mood::Silent,
            Mood::HalfClosed,
            Mood::Cut,
        ]);
        match random.below(15) {
            0 | 1 => Self::NodeKilled(machine),
            2 | 3 => Self::NodeFrozen(machine),
            4 => Self::NodeRestarted(machine),
            5 | 6 => Self::CassandraKilled(random.below(3)),
            7 => Self::RedisKilled,
            8 => Self::RedisFrozen,
            9 => Self::ObjectsAway,
            10 => Self::ObjectsFull,
            11 => Self::BusLine(machine, mood),
            12 => Self::ObjectsLine(machine, mood),
            _ => Self::Door(machine, mood),
        }
    }

    /// Faults of the same thing do not come together.
    fn touches(self) -> &'static str {
        match self {
            Self::NodeKilled(_) | Self::NodeFrozen(_) | Self::NodeRestarted(_) => "node",
            Self::CassandraKilled(_) => "cassandra",
            Self::RedisKilled | Self::RedisFrozen => "redis",
            Self::ObjectsAway | Self::ObjectsFull => "objects",
            Self::BusLine(..) | Self::ObjectsLine(..) | Self::Door(..) => "line",
        }
    }

    fn ends_a_node(self) -> bool {
        matches!(self, Self::NodeKilled(_) | Self::NodeRestarted(_))
    }

    /// Answers with what went wrong though it must not.
    async fn begin(self, world: &mut World) -> Option<String> {
        match self {
            Self::NodeKilled(machine) => world.machines[machine].kill().await,
            Self::NodeFrozen(machine) => world.machines[machine].freeze(),
            Self::NodeRestarted(machine) => {
                let in_order = world.machines[machine].stop().await;
                return (!in_order).then(|| format!("node {machine} did not stop in order"));
            }
            Self::CassandraKilled(node) => {
                let node = &world.cassandra[node];
                tokio::task::spawn_blocking(|| node.kill()).await.expect("it ends");
            }
            Self::RedisKilled => world.redis.kill().await,
            Self::RedisFrozen => world.redis.pause(),
            Self::ObjectsAway => world.s3.pause(),
            Self::ObjectsFull => world.ballast = world.disk.fill(),
            Self::BusLine(machine, mood) => world.machines[machine].bus.set(mood),
            Self::ObjectsLine(machine, mood) => world.machines[machine].objects.set(mood),
            Self::Door(machine, mood) => world.machines[machine].door.set(mood),
        }
        None
    }

    async fn end(self, world: &mut World) {
        match self {
            Self::NodeKilled(machine) | Self::NodeRestarted(machine) => {
                let began = Instant::now();
                world.machines[machine].start().await;
                eprintln!("  node {machine} listens after {:.1} s", began.elapsed().as_secs_f64());
            }
            Self::NodeFrozen(machine) => world.machines[machine].thaw(),
            Self::CassandraKilled(number) => {
                let began = Instant::now();
                let (node, seed) = (&world.cassandra[number], other_than(number));
                let again = move || node.start_again(Some(seed));
                tokio::task::spawn_blocking(again).await.expect("it starts again");
                eprintln!("  Cassandra {number} is back after {:.1} s", began.elapsed().as_secs_f64());
            }
            Self::RedisKilled => world.redis.go_on().await,
            Self::RedisFrozen => world.redis.resume(),
            Self::ObjectsAway => world.s3.go_on(),
            Self::ObjectsFull => drop(world.ballast.take()),
            Self::BusLine(machine, _) | Self::ObjectsLine(machine, _) | Self::Door(machine, _) => {
                Machine::mend_lines(&world.machines[machine]);
            }
        }
    }
}

/// Whom a node of the Cassandra cluster asks when it comes back.
fn other_than(number: usize) -> &'static str {
    if number == 0 { "127.0.0.2" } else { "127.0.0.1" }
}
