//! What was acknowledged is there after kill -9.

use kafka_wire::messages::*;

use crate::client::{Client, batch, records};
use crate::process::Process;

#[test]
fn acknowledged_records_and_offsets_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut acked = 0;
    for round in 0..4 {
        let broker = Process::start(dir.path());
        let mut client = Client::connect(broker.addr);
        if round == 0 {
            client.create("t", 1);
        }
        assert_eq!(client.end("t"), acked, "round {round}");
        assert_eq!(committed(&mut client), if round == 0 { -1 } else { acked });
        for _ in 0..200 {
            let value = acked.to_string();
            assert_eq!(client.produce("t", batch(&[value.as_bytes()])).base_offset, acked);
            acked += 1;
        }
        commit(&mut client, acked);
        // One more that nobody waits for: it is there whole or not at all.
        client.send(9, &crate::client::produce_request("t", batch(&[&[9; 50_000]]), -1));
        broker.kill();
        let broker = Process::start(dir.path());
        let mut client = Client::connect(broker.addr);
        let end = client.end("t");
        assert!(end == acked || end == acked + 1, "round {round}: {end} of {acked}");
        let mut next = 0;
        while next < acked {
            let data = client.fetch("t", next, 0);
            let found = records(&data);
            assert!(!found.is_empty(), "round {round}, offset {next} of {acked}: {data:?}");
            for (offset, value) in found {
                if value.len() < 50_000 {
                    assert_eq!(value, offset.to_string().as_bytes());
                }
                next = offset + 1;
            }
        }
        acked = end;
        commit(&mut client, acked);
        broker.kill();
    }
}

fn commit(client: &mut Client, offset: i64) {
    let partitions = vec![OffsetCommitRequestPartition { committed_offset: offset, ..Default::default() }];
    let topics = vec![OffsetCommitRequestTopic { name: "t".into(), partitions }];
    let request = OffsetCommitRequest { group_id: "g".into(), topics, ..Default::default() };
    assert!(client.call(8, &request).topics[0].partitions[0].error_code.is_none());
}

fn committed(client: &mut Client) -> i64 {
    let topics = Some(vec![OffsetFetchRequestTopic { name: "t".into(), partition_indexes: vec![0] }]);
    let request = OffsetFetchRequest { group_id: "g".into(), topics, ..Default::default() };
    client.call(7, &request).topics[0].partitions[0].committed_offset
}
