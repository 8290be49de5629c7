//! Finding the bad record in a call that does all or nothing.
//!
//! A refused call is halved and both halves sent, until each refusal stands for one record and
//! everything else has gone through. One bad record in fifty costs eleven calls more.

use async_trait::async_trait;

/// A call that takes several items and does all of them or none.
#[async_trait]
pub trait Bulk: Sync {
    /// What is sent.
    type Item: Send + Sync;
    /// What an item comes back as.
    type Done: Send;
    /// A refusal of the whole call.
    type Error: Clone + Send;

    /// Sends `items`, which are never none; on success one answer for each, in order.
    async fn send(&self, items: &[Self::Item]) -> Result<Vec<Self::Done>, Self::Error>;

    /// Whether the refusal can be one item's fault, so that the others should go without it.
    fn is_one_items_fault(error: &Self::Error) -> bool;

    /// Whether `other`, not sent yet, would be refused as `item` was: it is spared the call.
    fn same_fate(_error: &Self::Error, _item: &Self::Item, _other: &Self::Item) -> bool {
        false
    }
}

/// Sends `items`, isolating those that are refused. Answers come in the order of the items.
pub async fn bisect<B: Bulk>(
    bulk: &B,
    items: Vec<B::Item>,
) -> Vec<(B::Item, Result<B::Done, B::Error>)> {
    let mut done = Vec::with_capacity(items.len());
    let mut doomed: Vec<(B::Item, B::Error)> = Vec::new();
    // The part to send next is on top, so that parts are sent in order.
    let mut parts = vec![items];
    while let Some(mut part) = parts.pop() {
        if !doomed.is_empty() {
            let shared = |item: &B::Item| {
                doomed
                    .iter()
                    .find(|(bad, error)| B::same_fate(error, bad, item))
                    .map(|(_, e)| e.clone())
            };
            let mut rest = Vec::with_capacity(part.len());
            for item in part {
                match shared(&item) {
                    Some(error) => done.push((item, Err(error))),
                    None => rest.push(item),
                }
            }
            part = rest;
        }
        if part.is_empty() {
            continue;
        }
        match bulk.send(&part).await {
            Ok(answers) => done.extend(part.into_iter().zip(answers.into_iter().map(Ok))),
            Err(error) if part.len() > 1 && B::is_one_items_fault(&error) => {
                let later = part.split_off(part.len() / 2);
                parts.push(later);
                parts.push(part);
            }
            Err(error) if part.len() == 1 && B::is_one_items_fault(&error) => {
                doomed.extend(part.into_iter().map(|item| (item, error.clone())));
            }
            Err(error) => done.extend(part.into_iter().map(|item| (item, Err(error.clone())))),
        }
    }
    done.extend(doomed.into_iter().map(|(item, error)| (item, Err(error))));
    done
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Refuses any call with a number over 100 in it, and answers nothing at all to 7.
    #[derive(Default)]
    struct Picky {
        calls: Mutex<Vec<usize>>,
    }

    #[derive(Debug, Clone, PartialEq)]
    enum No {
        Bad,
        Silence,
    }

    #[async_trait]
    impl Bulk for Picky {
        type Item = u32;
        type Done = u32;
        type Error = No;

        async fn send(&self, items: &[u32]) -> Result<Vec<u32>, No> {
            self.calls.lock().unwrap().push(items.len());
            match items {
                _ if items.contains(&7) => Err(No::Silence),
                _ if items.iter().any(|item| *item > 100) => Err(No::Bad),
                _ => Ok(items.iter().map(|item| item * 10).collect()),
            }
        }

        fn is_one_items_fault(error: &No) -> bool {
            *error == No::Bad
        }

        fn same_fate(_: &No, item: &u32, other: &u32) -> bool {
            *item >= 1000 && *other >= 1000
        }
    }

    async fn run(items: Vec<u32>) -> (Vec<(u32, Result<u32, No>)>, Vec<usize>) {
        let picky = Picky::default();
        let mut done = bisect(&picky, items).await;
        done.sort_by_key(|(item, _)| *item);
        (done, picky.calls.into_inner().unwrap())
    }

    #[tokio::test]
    async fn one_bad_item_is_found_and_the_rest_go_through() {
        let (done, calls) = run((1..=6).chain([101]).chain(8..=50).collect()).await;
        let bad: Vec<_> = done.iter().filter(|(_, result)| result.is_err()).collect();
        assert_eq!(bad, [&(101, Err(No::Bad))]);
        assert_eq!(done.len(), 50);
        assert!(done.iter().all(|(item, result)| *item == 101 || *result == Ok(item * 10)));
        assert!(calls.len() <= 13, "{calls:?}");
    }

    #[tokio::test]
    async fn silence_is_not_halved() {
        let (done, calls) = run(vec![7, 8, 9]).await;
        assert_eq!(calls, [3]);
        assert!(done.iter().all(|(_, result)| *result == Err(No::Silence)));
    }

    #[tokio::test]
    async fn what_shares_a_fate_is_not_sent() {
        let (done, calls) = run((1000..1064).collect()).await;
        assert_eq!(done.len(), 64);
        assert!(done.iter().all(|(_, result)| result.is_err()));
        assert_eq!(calls.len(), 7, "halved down to the first, and no more: {calls:?}");
    }

    #[tokio::test]
    async fn nothing_is_sent_for_nothing() {
        assert_eq!(run(Vec::new()).await, (vec![], vec![]));
    }
}
