//! What a topic holds, against the ledger of what was acknowledged.

use std::collections::BTreeMap;

use super::request::{Shape, held};
use super::{Ledger, Outcome};
use crate::consume;

/// What the audit counted: requests by how they ended, and items and records for what must not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// Items acknowledged.
    pub items: u64,
    /// Requests acknowledged at the first try.
    pub first: u64,
    /// Requests acknowledged after a retry.
    pub retried: u64,
    /// Requests never acknowledged.
    pub failed: u64,
    /// Tries that were not acknowledged.
    pub failed_tries: u64,
    /// Records in the topic.
    pub records: u64,
    /// Keys in the topic.
    pub keys: u64,
    /// Records with a key whose request was acknowledged at the first try; these are looked at for their key's order.
    pub ordered: u64,
    /// Items acknowledged, and not in the topic.
    pub lost: u64,
    /// More copies than one of items acknowledged at the first try.
    pub duplicates_first: u64,
    /// More copies than one of the others.
    pub duplicates_other: u64,
    /// Those of them that are more than tries of their request that failed.
    pub duplicates_excess: u64,
    /// Records first seen behind a later request of the same client on the same partition.
    pub out_of_order: u64,
    /// Records acknowledged at the first try that are not behind all earlier ones of their key, or, without a key, of
    /// their client on their partition.
    pub out_of_order_keys: u64,
    /// Records on another partition than the first one of their key.
    pub moved_keys: u64,
    /// Records that are not items of one request that follow one another under their key.
    pub torn: u64,
}

impl Audit {
    /// What must not be, each with its count.
    #[must_use]
    pub fn breaches(&self) -> Vec<String> {
        [
            ("items lost", self.lost),
            ("duplicates among items acknowledged at the first try", self.duplicates_first),
            ("duplicates more than tries that failed", self.duplicates_excess),
            ("records out of order", self.out_of_order),
            ("records out of their key's order", self.out_of_order_keys),
            ("records away from their key's partition", self.moved_keys),
            ("records torn", self.torn),
        ]
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect()
    }

    fn count(&mut self, outcome: Outcome, copies: &[u8]) {
        let tries = match outcome {
            Outcome::First => 0,
            Outcome::Retried(failed) | Outcome::Failed(failed) => u64::from(failed),
        };
        let more: u64 = copies.iter().map(|copies| u64::from(copies.saturating_sub(1))).sum();
        // The try that was acknowledged, or else none, may have a copy beside one of each that failed.
        let allowed = if matches!(outcome, Outcome::Failed(_)) { tries } else { tries + 1 };
        self.duplicates_excess +=
            copies.iter().map(|copies| u64::from(*copies).saturating_sub(allowed)).sum::<u64>();
        self.failed_tries += tries;
        let missing = copies.iter().map(|copies| u64::from(*copies == 0)).sum::<u64>();
        match outcome {
            Outcome::First => {
                self.first += 1;
                self.duplicates_first += more;
                self.lost += missing;
            }
            Outcome::Retried(_) => {
                self.retried += 1;
                self.duplicates_other += more;
                self.lost += missing;
            }
            Outcome::Failed(_) => {
                self.failed += 1;
                self.duplicates_other += more;
            }
        }
    }
}

impl Ledger {
    /// Reads the whole topic, whose records are protobuf under `otlp.record.key=service`, and compares it with the
    /// ledger.
    ///
    /// # Panics
    ///
    /// When the topic cannot be read to its end.
    #[must_use]
    pub fn audit(&self, bootstrap: &str, topic: &str) -> Audit {
        let mut reading = Reading::new(self);
        consume::each(bootstrap, topic, |record| {
            reading.take(record.partition, record.key.as_deref(), &record.value);
        });
        reading.finish()
    }
}

/// What has been read so far.
struct Reading<'a> {
    ledger: &'a Ledger,
    clients: Vec<Client>,
    audit: Audit,
}

/// A client's records so far.
struct Client {
    shape: Shape,
    /// Copies of each item of each request.
    copies: Vec<u8>,
    /// The latest request on each partition.
    latest: BTreeMap<i32, u64>,
    /// By part and partition: number and item of the latest record whose request was acknowledged at the first try.
    places: BTreeMap<(usize, i32), (u64, u32)>,
    /// By part: where its key is.
    homes: Vec<Option<i32>>,
}

impl<'a> Reading<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        let items = usize::try_from(ledger.items).unwrap_or(0);
        let client = |(client, outcomes): (u64, &Vec<Outcome>)| {
            let shape = Shape::new(client, ledger.items);
            let homes = vec![None; shape.services.len()];
            let copies = vec![0; outcomes.len() * items];
            Client { shape, copies, latest: BTreeMap::new(), places: BTreeMap::new(), homes }
        };
        Self { ledger, clients: (0..).zip(&ledger.outcomes).map(client).collect(), audit: Audit::default() }
    }

    fn take(&mut self, partition: i32, key: Option<&[u8]>, value: &[u8]) {
        self.audit.records += 1;
        if self.place(partition, key, value).is_none() {
            self.audit.torn += 1;
        }
    }

    /// Nothing when the record is torn.
    fn place(&mut self, partition: i32, key: Option<&[u8]>, value: &[u8]) -> Option<()> {
        let held = held(value)?;
        let at = usize::try_from(held.client).ok()?;
        let (client, outcomes) = (self.clients.get_mut(at)?, &self.ledger.outcomes[at]);
        let outcome = outcomes.get(usize::try_from(held.number).ok()?)?;
        let part = client.shape.services.iter().position(|service| *service == held.service)?;
        if key != held.service.as_deref().map(str::as_bytes) || !client.shape.is_run(part, &held.indexes) {
            return None;
        }
        let items = usize::try_from(self.ledger.items).ok()?;
        let own = client.copies.chunks_mut(items).nth(usize::try_from(held.number).ok()?)?;
        let mut new = false;
        for index in &held.indexes {
            let copies = own.get_mut(usize::try_from(*index).ok()?)?;
            new |= *copies == 0;
            *copies = copies.saturating_add(1);
        }
        if key.is_some() {
            let home = *client.homes[part].get_or_insert_with(|| {
                self.audit.keys += 1;
                partition
            });
            self.audit.moved_keys += u64::from(home != partition);
            self.audit.ordered += u64::from(*outcome == Outcome::First);
        }
        if new {
            let latest = client.latest.entry(partition).or_insert(held.number);
            self.audit.out_of_order += u64::from(held.number < *latest);
            *latest = held.number.max(*latest);
        }
        if new && *outcome == Outcome::First {
            let place = (held.number, *held.indexes.first()?);
            let before = client.places.get(&(part, partition));
            self.audit.out_of_order_keys += u64::from(before.is_some_and(|before| place <= *before));
            client.places.insert((part, partition), place);
        }
        Some(())
    }

    fn finish(mut self) -> Audit {
        let items = usize::try_from(self.ledger.items).unwrap_or(0);
        for (outcomes, client) in self.ledger.outcomes.iter().zip(&self.clients) {
            for (outcome, copies) in outcomes.iter().zip(client.copies.chunks(items)) {
                self.audit.count(*outcome, copies);
            }
        }
        self.audit.items = (self.audit.first + self.audit.retried) * u64::from(self.ledger.items);
        self.audit
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message;

    use super::super::request::Template;
    use super::Outcome::{Failed, First, Retried};
    use super::*;

    const ITEMS: u32 = 6;
    /// A client that has two keys and a part without one.
    const TWO_KEYED: u64 = 4;

    /// Of a client's request: the record of one part, with those of its items that are asked for.
    fn record(
        client: u64,
        number: u64,
        part: usize,
        items: std::ops::Range<usize>,
    ) -> (Option<Vec<u8>>, Vec<u8>) {
        let shape = Shape::new(client, ITEMS);
        let wanted = &shape.indexes[part][items];
        let frame = Template::new(client, ITEMS).stamp(number);
        let mut request = ExportTraceServiceRequest::decode(&frame[5..]).unwrap();
        for scope in request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans) {
            scope.spans.retain(|span| wanted.contains(&u32::from(span.span_id[7] - 1)));
        }
        request.resource_spans.retain(|resource| !resource.scope_spans[0].spans.is_empty());
        (shape.services[part].clone().map(String::into_bytes), request.encode_to_vec())
    }

    type Read = (i32, Option<Vec<u8>>, Vec<u8>);

    fn audit(client: u64, outcomes: &[Outcome], records: &[Read]) -> Audit {
        let mut all = vec![Vec::new(); client.try_into().unwrap()];
        all.push(outcomes.to_vec());
        let ledger = Ledger { items: ITEMS, length: Duration::ZERO, outcomes: all };
        let mut reading = Reading::new(&ledger);
        for (partition, key, value) in records {
            reading.take(*partition, key.as_deref(), value);
        }
        reading.finish()
    }

    /// Requests of client 0, whose only part has no key.
    fn whole(outcomes: &[Outcome], records: &[(i32, u64)]) -> Audit {
        let records: Vec<Read> = records
            .iter()
            .map(|(partition, number)| {
                let (key, value) = record(0, *number, 0, 0..6);
                (*partition, key, value)
            })
            .collect();
        audit(0, outcomes, &records)
    }

    #[test]
    fn what_is_missing_twice_or_out_of_order_is_found() {
        let fine = whole(&[First, First, First], &[(0, 0), (1, 1), (0, 2)]);
        assert_eq!((fine.first, fine.breaches()), (3, Vec::new()));
        assert_eq!(whole(&[First, First], &[(0, 1)]).lost, 6);
        assert_eq!(whole(&[First, First], &[(0, 0), (0, 1), (0, 1)]).duplicates_first, 6);
        assert_eq!(whole(&[First, First], &[(0, 1), (0, 0)]).out_of_order, 1);
        assert_eq!(whole(&[First, First], &[(0, 1), (1, 0)]).out_of_order, 0);
        let retried = whole(&[Retried(1), Failed(1)], &[(0, 0), (0, 0), (0, 1)]);
        assert_eq!((retried.duplicates_other, retried.breaches()), (6, Vec::new()));
        assert_eq!(whole(&[Retried(1)], &[(0, 0), (0, 0), (0, 0)]).duplicates_excess, 6);
        assert_eq!(whole(&[Failed(1)], &[(0, 0), (0, 0)]).duplicates_excess, 6);
        assert_eq!(whole(&[First], &[(0, 7)]).torn, 1);
    }

    /// Records of [`TWO_KEYED`], as partition, number, part and items.
    fn keyed(outcomes: &[Outcome], records: &[(i32, u64, usize, std::ops::Range<usize>)]) -> Audit {
        let records: Vec<Read> = records
            .iter()
            .map(|(partition, number, part, items)| {
                let (key, value) = record(TWO_KEYED, *number, *part, items.clone());
                (*partition, key, value)
            })
            .collect();
        audit(TWO_KEYED, outcomes, &records)
    }

    #[test]
    fn a_key_has_one_partition_and_one_order() {
        let one = |number, [first, second, none]: [i32; 3]| {
            [(first, number, 0, 0..2), (second, number, 1, 0..2), (none, number, 2, 0..2)]
        };
        let fine = keyed(&[First, First], &[one(0, [0, 1, 2]), one(1, [0, 1, 0])].concat());
        assert_eq!((fine.breaches(), fine.keys, fine.ordered, fine.records), (Vec::new(), 2, 4, 6));
        let moved = keyed(&[First, First], &[one(0, [0, 1, 2]), one(1, [0, 2, 0])].concat());
        assert_eq!(moved.breaches(), ["1 records away from their key's partition"]);
        let turned = keyed(&[First, First], &[one(1, [0, 1, 2]), one(0, [0, 2, 0])].concat());
        assert_eq!((turned.out_of_order_keys, turned.moved_keys, turned.lost), (1, 1, 0));
        // What was sent again may stand where it likes, but not on another partition.
        let again = keyed(&[Retried(1), First], &[one(1, [0, 1, 2]), one(0, [0, 1, 0])].concat());
        assert_eq!((again.out_of_order_keys, again.moved_keys), (0, 0));
    }

    #[test]
    fn single_items_of_a_key_are_in_order_and_none_is_missing() {
        let rest = [(1, 0, 1, 0..2), (2, 0, 2, 0..2)];
        let fine = keyed(&[First], &[[(0, 0, 0, 0..1), (0, 0, 0, 1..2)].as_slice(), &rest].concat());
        assert_eq!((fine.breaches(), fine.records), (Vec::new(), 4));
        let turned = keyed(&[First], &[[(0, 0, 0, 1..2), (0, 0, 0, 0..1)].as_slice(), &rest].concat());
        assert_eq!(turned.breaches(), ["1 records out of their key's order"]);
        assert_eq!(keyed(&[First], &[[(0, 0, 0, 1..2)].as_slice(), &rest].concat()).lost, 1);
    }

    #[test]
    fn a_record_under_another_key_or_of_two_parts_is_torn() {
        let (_, value) = record(TWO_KEYED, 0, 0, 0..2);
        let (other, _) = record(TWO_KEYED, 0, 1, 0..2);
        assert_eq!(audit(TWO_KEYED, &[First], &[(0, other, value.clone())]).torn, 1);
        assert_eq!(audit(TWO_KEYED, &[First], &[(0, None, value)]).torn, 1);
        let frame = Template::new(TWO_KEYED, ITEMS).stamp(0);
        assert_eq!(audit(TWO_KEYED, &[First], &[(0, None, frame[5..].to_vec())]).torn, 1);
        assert_eq!(audit(0, &[First], &[(0, None, vec![0xff])]).torn, 1);
    }
}
