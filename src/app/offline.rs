//! What the command line does with a data folder while no server runs on it.

use std::sync::Arc;

use anyhow::Context as _;

use super::{back_ends::BackEnds, keys, parts};
use crate::{
    actors::{accounts::Accounts, indexer},
    backends::{feeds::Feed, store::tables::chat::Poll},
    config::Config,
    domain::{
        clock::SharedClock,
        tally::{Kind, TallyKey},
    },
    telemetry::Metrics,
};

const PAGE: usize = 100;

/// Accounts without a server around them.
pub async fn accounts_alone(
    config: &Config,
    clock: SharedClock,
) -> anyhow::Result<(Arc<Accounts>, BackEnds)> {
    let metrics = Metrics::new();
    let back_ends = BackEnds::open(config, &clock, &metrics).await?;
    let keys = keys::open(config, &back_ends.store, clock.now()).await?;
    let accounts = parts::accounts(config, &back_ends, &clock, &keys, &metrics);
    Ok((accounts, back_ends))
}

/// Goes on with the key file of this node where the one before is lost. Its fingerprint.
pub async fn adopt_key(config: &Config, clock: SharedClock) -> anyhow::Result<String> {
    let back_ends = BackEnds::open(config, &clock, &Metrics::new()).await?;
    let fingerprint = keys::adopt(config, &back_ends.store, clock.now()).await?;
    back_ends.store.close().await.context("the store could not be closed")?;
    Ok(fingerprint)
}

/// Throws the search index away and fills it anew.
pub async fn reindex(config: &Config, clock: SharedClock) -> anyhow::Result<indexer::Counted> {
    let metrics = Metrics::new();
    let back_ends = BackEnds::open(config, &clock, &metrics).await?;
    let indexer = parts::indexer(config, &back_ends, &clock, &metrics)?;
    let counted = indexer.rebuild().await;
    indexer.close().await;
    back_ends.search.close().await;
    back_ends.store.close().await.context("the store could not be closed")?;
    counted.context("the search index")
}

pub struct RecountReport {
    pub counted: usize,
    /// One line a tally that was wrong.
    pub repaired: Vec<String>,
}

/// Counts every tally anew from its members.
pub async fn recount(config: &Config, clock: SharedClock) -> anyhow::Result<RecountReport> {
    let (accounts, back_ends) = accounts_alone(config, clock).await?;
    let mut report = RecountReport { counted: 0, repaired: Vec::new() };
    for listed in accounts.all().await? {
        count(&back_ends, &mut report, TallyKey::new(Kind::Subscriber, &listed.channel_id)).await?;
        let feed = Feed::Channel(listed.channel_id);
        let mut cursor = None;
        loop {
            let page = back_ends.feeds.page(&feed, PAGE, cursor).await?;
            for video in page.items {
                for kind in [Kind::Reaction, Kind::View] {
                    count(&back_ends, &mut report, TallyKey::new(kind, &video)).await?;
                }
                for poll in back_ends.store.all::<Poll>((video,)).await? {
                    count(&back_ends, &mut report, TallyKey::new(Kind::Poll, &poll.poll_id)).await?;
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
    }
    back_ends.store.close().await.context("the store could not be closed")?;
    Ok(report)
}

async fn count(back_ends: &BackEnds, report: &mut RecountReport, key: TallyKey) -> anyhow::Result<()> {
    let recount = back_ends.tallies.recount(&key).await?;
    report.counted += 1;
    if recount.repaired > 0 {
        let line = format!(
            "{} {}: {:?} were {:?}",
            key.kind.as_str(),
            key.target,
            recount.counted.0,
            recount.stored.0
        );
        report.repaired.push(line);
    }
    Ok(())
}
