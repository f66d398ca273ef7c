//! A session with a cluster: connects, prepares each statement once, and asks until there is an answer or the caller's
//! time is over. The driver goes on to another node where that is safe; what it does not try again, such as a write that
//! timed out, is tried again here.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use dashmap::DashMap;
use scylla::{
    client::{
        execution_profile::{ExecutionProfile, ExecutionProfileHandle},
        session::Session,
        session_builder::SessionBuilder,
    },
    policies::{
        load_balancing::DefaultPolicy,
        retry::{DefaultRetryPolicy, FallthroughRetryPolicy},
        speculative_execution::SimpleSpeculativeExecutionPolicy,
    },
    response::{PagingState, PagingStateResponse},
    statement::prepared::PreparedStatement,
    value::Row as Answer,
};

use super::{
    super::{
        engine::{StoreError, StoreResult},
        open::OpenError,
        table::Table,
    },
    cells::Bind,
    failure::{Failure, Patience},
    place::Place,
    statements::{self, Shape},
};

/// A page whose rows have a handful of unset cells each stays below the 1,000 that a node warns of.
const PAGE_LEN: i32 = 150;
/// A whole call makes about this many attempts when nodes are silent.
const ATTEMPTS: u32 = 3;
const SPECULATE_AFTER: Duration = Duration::from_millis(100);

pub(super) struct Cluster {
    /// `None` once the store is closed.
    session: RwLock<Option<Arc<Session>>>,
    pub(super) place: Place,
    prepared: DashMap<(&'static str, Shape), PreparedStatement>,
    profiles: Profiles,
    pub(super) deadline: Duration,
}

/// How requests of a kind are sent.
struct Profiles {
    read: ExecutionProfileHandle,
    write: ExecutionProfileHandle,
    conditional: ExecutionProfileHandle,
}

impl Profiles {
    fn of(place: &Place, attempt: Duration) -> Self {
        let policy = || {
            let policy = DefaultPolicy::builder();
            match &place.datacenter {
                Some(name) => policy.prefer_datacenter(name.clone()),
                None => policy,
            }
        };
        let profile = || {
            ExecutionProfile::builder()
                .consistency(place.quorum.consistency())
                .serial_consistency(Some(place.quorum.serial()))
                .request_timeout(Some(attempt))
        };
        let speculative =
            SimpleSpeculativeExecutionPolicy { max_retry_count: 1, retry_interval: SPECULATE_AFTER };
        let read = profile()
            .load_balancing_policy(policy().build())
            .retry_policy(Arc::new(DefaultRetryPolicy::new()))
            .speculative_execution_policy(Some(Arc::new(speculative)));
        let write = profile()
            .load_balancing_policy(policy().build())
            .retry_policy(Arc::new(DefaultRetryPolicy::new()));
        // The same replica leads all conditional writes of a partition, so that ballots do not fight each other.
        let conditional = profile()
            .load_balancing_policy(policy().enable_shuffling_replicas(false).build())
            .retry_policy(Arc::new(FallthroughRetryPolicy));
        Self {
            read: read.build().into_handle(),
            write: write.build().into_handle(),
            conditional: conditional.build().into_handle(),
        }
    }
}

/// A session that asks for as long as `attempt` each time.
pub(super) async fn connect(place: &Place, attempt: Duration) -> Result<Session, OpenError> {
    let away = |reason: String| OpenError::Away { nodes: place.nodes.join(", "), reason };
    let profile = Profiles::of(place, attempt).write;
    let mut builder =
        SessionBuilder::new().known_nodes(&place.nodes).default_execution_profile_handle(profile);
    if let Some((user, file)) = &place.login {
        let password = tokio::fs::read_to_string(file).await;
        let password = password.map_err(|error| away(format!("{}: {error}", file.display())))?;
        builder = builder.user(user, password.trim_end());
    }
    builder.build().await.map_err(|error| away(error.to_string()))
}

impl Cluster {
    pub(super) fn new(session: Session, place: Place, deadline: Duration) -> Self {
        let profiles = Profiles::of(&place, deadline / ATTEMPTS);
        let session = RwLock::new(Some(Arc::new(session)));
        Self { session, place, prepared: DashMap::new(), profiles, deadline }
    }

    pub(super) fn session(&self) -> StoreResult<Arc<Session>> {
        let session = self.session.read().expect("no code panics while it holds this lock");
        session.clone().ok_or_else(|| StoreError::Unavailable("it is closed".into()))
    }

    pub(super) fn close(&self) {
        self.session.write().expect("no code panics while it holds this lock").take();
    }

    pub(super) async fn prepared(
        &self,
        session: &Session,
        table: &'static Table,
        shape: Shape,
    ) -> Result<PreparedStatement, Failure> {
        let key = (table.name, shape);
        if let Some(prepared) = self.prepared.get(&key) {
            return Ok(prepared.clone());
        }
        let text = statements::text(&self.place.keyspace, table, shape);
        let mut prepared = session.prepare(text).await?;
        let (profile, idempotent) = match shape {
            Shape::Head => (&self.profiles.conditional, false),
            Shape::Put | Shape::Delete | Shape::Clear | Shape::DeletePartition => {
                (&self.profiles.write, true)
            }
            _ => (&self.profiles.read, true),
        };
        prepared.set_execution_profile_handle(Some(profile.clone()));
        prepared.set_is_idempotent(idempotent);
        prepared.set_page_size(PAGE_LEN);
        self.prepared.insert(key, prepared.clone());
        Ok(prepared)
    }

    pub(super) fn conditional_profile(&self) -> ExecutionProfileHandle {
        self.profiles.conditional.clone()
    }

    /// Every row of the answer, at most `limit`.
    pub(super) async fn read(
        &self,
        table: &'static Table,
        shape: Shape,
        binds: &[Bind],
        limit: usize,
    ) -> StoreResult<Vec<Answer>> {
        let mut rows = Vec::new();
        let mut next = Some(PagingState::start());
        let mut patience = Patience::of(self.deadline);
        while let Some(state) = next.take().filter(|_| rows.len() < limit) {
            match self.page(table, shape, binds, state.clone()).await {
                Ok((page, following)) => {
                    rows.extend(page);
                    next = following;
                }
                Err(failure) => {
                    patience.after(failure).await?;
                    next = Some(state);
                }
            }
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// A page may have fewer rows than asked for, even none, and be followed by others.
    pub(super) async fn page(
        &self,
        table: &'static Table,
        shape: Shape,
        binds: &[Bind],
        state: PagingState,
    ) -> Result<(Vec<Answer>, Option<PagingState>), Failure> {
        let session = self.session().map_err(|closed| Failure::Refused(closed.to_string()))?;
        let statement = self.prepared(&session, table, shape).await?;
        let (result, state) = session.execute_single_page(&statement, binds, state).await?;
        let next = match state {
            PagingStateResponse::HasMorePages { state } => Some(state),
            PagingStateResponse::NoMorePages => None,
        };
        Ok((rows_of(result)?, next))
    }

    /// What the majority has agreed on, conditional writes under way included: they are finished or ruled out first.
    pub(super) async fn read_agreed(
        &self,
        table: &'static Table,
        shape: Shape,
        binds: &[Bind],
    ) -> Result<Option<Answer>, Failure> {
        let session = self.session().map_err(|closed| Failure::Refused(closed.to_string()))?;
        let mut statement = self.prepared(&session, table, shape).await?;
        statement.set_consistency(self.place.quorum.serial_read());
        statement.set_execution_profile_handle(Some(self.profiles.conditional.clone()));
        let result = session.execute_unpaged(&statement, binds).await?;
        Ok(rows_of(result)?.pop())
    }

    /// A plain write. However often it is tried it has the one time it was made with, so that a late attempt does not
    /// undo what was written after it.
    pub(super) async fn write(
        &self,
        table: &'static Table,
        shape: Shape,
        binds: &[Bind],
        made_at_us: i64,
    ) -> StoreResult<()> {
        let mut patience = Patience::of(self.deadline);
        loop {
            match self.try_write(table, shape, binds, made_at_us).await {
                Ok(()) => return Ok(()),
                Err(failure) => patience.after(failure).await?,
            }
        }
    }

    async fn try_write(
        &self,
        table: &'static Table,
        shape: Shape,
        binds: &[Bind],
        made_at_us: i64,
    ) -> Result<(), Failure> {
        let session = self.session().map_err(|closed| Failure::Refused(closed.to_string()))?;
        let mut statement = self.prepared(&session, table, shape).await?;
        statement.set_timestamp(Some(made_at_us));
        session.execute_unpaged(&statement, binds).await?;
        Ok(())
    }
}

fn rows_of(result: scylla::response::query_result::QueryResult) -> Result<Vec<Answer>, Failure> {
    let unreadable = |error: String| Failure::Passing(format!("an answer cannot be read: {error}"));
    let rows = result.into_rows_result().map_err(|error| unreadable(error.to_string()))?;
    let rows = rows.rows::<Answer>().map_err(|error| unreadable(error.to_string()))?;
    rows.collect::<Result<_, _>>().map_err(|error| unreadable(error.to_string()))
}
