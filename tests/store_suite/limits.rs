//! Keys and rows that are too large.

use playhouse::{backends::store::StoreError, record};

use super::{Bed, Single};

record! {
    /// As many bytes as one likes.
    pub struct Blob in conditional "test_blobs" {
        partition { folder: String }
        clustering { name: String, Ascending; }
        columns { bytes: Vec<u8> }
    }
}

pub fn blob(name: &str, len: usize) -> Blob {
    // Repeats further apart than compression looks.
    let mut block = [0; 100_000];
    rand::fill(&mut block);
    let mut bytes = block.repeat(len.div_ceil(block.len()));
    bytes.truncate(len);
    Blob { folder: "f".into(), name: name.into(), bytes }
}

pub async fn keys_and_rows_beyond_the_limits_are_refused_and_harm_nothing(bed: Bed) {
    let long_name = Single { name: "x".repeat(100_000), count: 1 };
    assert!(matches!(bed.store.put(long_name.clone()).await, Err(StoreError::Corrupt { .. })));
    let claimed = bed.store.insert_if_absent(long_name.clone(), None).await;
    assert!(matches!(claimed, Err(StoreError::Corrupt { .. })));
    assert!(matches!(bed.store.get::<Single>((long_name.name,), ()).await, Err(StoreError::Corrupt { .. })));
    assert!(matches!(bed.store.put(blob("large", 17 << 20)).await, Err(StoreError::Corrupt { .. })));
    bed.store.put(blob("largest", bed.row_bytes)).await.unwrap();
    bed.store.put(Single { name: "x".repeat(8_000), count: 1 }).await.unwrap();
    let nameless = Single { name: String::new(), count: 1 };
    assert!(matches!(bed.store.put(nameless).await, Err(StoreError::Corrupt { .. })));
}
