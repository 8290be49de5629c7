//! One emulator for each test program, a stack of its own for each test.

#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod proxy;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use ambient::{SystemClock, SystemRandom};
use store::Stores;
use store_aws::emulator::{Ministack, create_stack};
use store_aws::{Ambience, Clients, Names, Wait, aws_stores};

/// It ends with this process.
pub static MINISTACK: LazyLock<Ministack> = LazyLock::new(Ministack::start);

/// A fresh stack.
pub async fn stack() -> (Clients, Names) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let clients = MINISTACK.clients().await.unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let names = create_stack(&clients, &format!("rollcall-{number}")).await.unwrap();
    (clients, names)
}

/// The stores of a fresh stack.
pub async fn stores() -> Stores {
    let (clients, names) = stack().await;
    aws_stores(&clients, &names, &ambience())
}

/// The machine's time; an emulator answers at once.
pub fn ambience() -> Ambience {
    Ambience {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        trace: None,
        wait: Wait::Not,
    }
}
