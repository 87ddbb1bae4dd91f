use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use tokio::time::Instant;

use super::{Admission, GlobalMemory, QueryMemory};
use crate::EngineConfig;

fn admission(slots: usize, queue: usize) -> Admission {
    Admission::new(&EngineConfig { slots, queue, queue_wait: Duration::from_millis(1_500), ..EngineConfig::default() })
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let admission = Arc::new(admission(1, 1));
    let far = Instant::now() + Duration::from_secs(600);
    let first = admission.slot(far).await.unwrap();
    let waiting = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.slot(far).await }
    });
    while admission.queued() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(admission.slot(far).await.unwrap_err().code().name(), "QUEUE_FULL");
    drop(first);
    let second = waiting.await.unwrap().unwrap();
    assert_eq!((admission.running(), admission.queued()), (1, 0));
    drop(second);
    assert_eq!(admission.running(), 0);
}

#[tokio::test]
async fn waiting_ends_at_the_deadline_or_after_the_longest_wait() {
    let admission = admission(1, 10);
    let _held = admission.slot(Instant::now() + Duration::from_secs(600)).await.unwrap();
    let soon = Instant::now() + Duration::from_millis(100);
    assert_eq!(admission.slot(soon).await.unwrap_err().code().name(), "TIME_LIMIT");
    let far = Instant::now() + Duration::from_secs(600);
    assert_eq!(admission.slot(far).await.unwrap_err().code().name(), "QUEUE_FULL");
    assert_eq!(admission.queued(), 0);
}

#[test]
fn a_query_stays_within_its_own_limit_and_the_gateways() {
    let global = Arc::new(GlobalMemory::new(1_000));
    let one: Arc<dyn MemoryPool> = Arc::new(QueryMemory::new(600, Arc::clone(&global)));
    let two: Arc<dyn MemoryPool> = Arc::new(QueryMemory::new(600, Arc::clone(&global)));
    let first = MemoryConsumer::new("one").register(&one);
    let second = MemoryConsumer::new("two").register(&two);
    assert!(first.try_grow(601).is_err(), "over its own limit");
    assert_eq!(global.used(), 0, "a refused request leaves nothing behind");
    first.try_grow(600).unwrap();
    assert!(second.try_grow(401).is_err(), "over the gateway's limit");
    second.try_grow(400).unwrap();
    assert_eq!(global.used(), 1_000);
    drop(first);
    drop(second);
    assert_eq!(global.used(), 0);
}
