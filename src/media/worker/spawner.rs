//! One thread of our own that starts all children. A child is killed when the *thread* that started it ends
//! (PR_SET_PDEATHSIG), and a runtime's threads may end before the process does (`block_in_place`, a test's
//! runtime); this one ends with the process.

use std::{
    io,
    sync::{OnceLock, mpsc},
};

use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
};

/// Starts that wait for the thread. A start takes a millisecond, so more than this is a fault.
const WAITING_MAX: usize = 256;

struct Order {
    command: Command,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Child>>,
}

/// The child is reaped by the runtime of the caller.
pub async fn spawn(command: Command) -> io::Result<Child> {
    let (started, answer) = oneshot::channel();
    let order = Order { command, runtime: Handle::current(), started };
    orders()?
        .try_send(order)
        .map_err(|error| io::Error::other(format!("cannot order a process: {error}")))?;
    answer.await.map_err(io::Error::other)?
}

fn orders() -> io::Result<&'static mpsc::SyncSender<Order>> {
    static ORDERS: OnceLock<mpsc::SyncSender<Order>> = OnceLock::new();
    if let Some(orders) = ORDERS.get() {
        return Ok(orders);
    }
    let (sender, receiver) = mpsc::sync_channel(WAITING_MAX);
    std::thread::Builder::new().name("media-spawner".to_owned()).spawn(move || work_off(&receiver))?;
    // Two first callers make two threads: the loser's ends, having started nothing.
    Ok(ORDERS.get_or_init(|| sender))
}

fn work_off(orders: &mpsc::Receiver<Order>) {
    while let Ok(Order { mut command, runtime, started }) = orders.recv() {
        let _entered = runtime.enter();
        // A caller that is gone drops the child, and that kills it.
        if started.send(command.spawn()).is_err() {
            tracing::debug!("a media worker was started for nobody");
        }
    }
}
