//! One address before several nodes, for `make cluster`: `round_robin LISTEN NODE NODE…`. Ends with its process.

#[path = "../tests/servers/round_robin.rs"]
mod round_robin;

use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let addresses: Vec<SocketAddr> = std::env::args()
        .skip(1)
        .map(|text| text.parse().with_context(|| format!("{text} is no address with a port")))
        .collect::<Result<_, _>>()?;
    let (listen, nodes) = addresses.split_first().context("round_robin LISTEN NODE NODE…")?;
    anyhow::ensure!(!nodes.is_empty(), "round_robin LISTEN NODE NODE…: no node is named");
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    round_robin::serve(listener, nodes.to_vec()).await;
    Ok(())
}
