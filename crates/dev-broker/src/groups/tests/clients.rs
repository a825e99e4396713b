//! A few simulated consumers that start, leave, and are killed at random: whatever happens, the
//! group settles on those that live, with one leader and one assignment for each.

use fastrand::Rng;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::{
    GroupError, GroupState, JoinAnswer, JoinRequest, Joined, LeavingMember, Scene, SyncAnswer, caller,
    request,
};

/// Simulated milliseconds between two looks at the world.
const STEP_MS: u64 = 50;

struct Client {
    join: JoinRequest,
    phase: Phase,
    /// Steps until the next heartbeat.
    rest: u32,
}

enum Phase {
    Start,
    Joining(Receiver<JoinAnswer>),
    Syncing(Joined, Receiver<SyncAnswer>),
    Working(Joined),
}

impl Client {
    fn new(name: usize, rng: &mut Rng) -> Self {
        let instance_id = rng.bool().then(|| format!("instance-{name}"));
        let join = JoinRequest {
            instance_id,
            member_id_required: rng.bool(),
            skip_assignment: rng.bool(),
            ..request(&format!("client-{name}"))
        };
        Self { join, phase: Phase::Start, rest: 0 }
    }

    fn step(&mut self, scene: &mut Scene, rng: &mut Rng) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::Start) {
            Phase::Start => match scene.groups.join(&self.join) {
                Ok(answer) => Phase::Joining(answer),
                Err(error) => self.refused(error),
            },
            Phase::Joining(mut answer) => match answer.try_recv() {
                Ok(Ok(joined)) => {
                    self.join.member_id.clone_from(&joined.member_id);
                    let sync = scene.sync_of(&joined);
                    match sync {
                        Ok(answer) => Phase::Syncing(joined, answer),
                        Err(error) => self.refused(error),
                    }
                }
                Ok(Err(error)) => self.refused(error),
                Err(TryRecvError::Empty) => Phase::Joining(answer),
                Err(TryRecvError::Closed) => panic!("a join was never answered"),
            },
            Phase::Syncing(joined, mut answer) => match answer.try_recv() {
                Ok(Ok(_)) => Phase::Working(joined),
                Ok(Err(error)) => self.refused(error),
                Err(TryRecvError::Empty) => Phase::Syncing(joined, answer),
                Err(TryRecvError::Closed) => panic!("a sync was never answered"),
            },
            Phase::Working(joined) if self.rest > 0 => {
                self.rest -= 1;
                Phase::Working(joined)
            }
            Phase::Working(joined) => {
                self.rest = rng.u32(10..60);
                match scene.heartbeat(&joined) {
                    Ok(()) => Phase::Working(joined),
                    Err(error) => self.refused(error),
                }
            }
        };
    }

    fn refused(&mut self, error: GroupError) -> Phase {
        match error {
            GroupError::MemberIdRequired { member_id } => self.join.member_id = member_id,
            GroupError::UnknownMemberId | GroupError::FencedInstanceId => self.join.member_id.clear(),
            GroupError::RebalanceInProgress | GroupError::IllegalGeneration => {}
            error => panic!("unexpected: {error}"),
        }
        Phase::Start
    }
}

impl Scene {
    fn sync_of(&mut self, joined: &Joined) -> Result<Receiver<SyncAnswer>, GroupError> {
        let assignments = joined
            .members
            .iter()
            .map(|member| (member.member_id.clone(), member.member_id.clone().into_bytes().into()));
        let request = super::SyncRequest {
            caller: caller(joined),
            assignments: assignments.collect(),
            ..super::SyncRequest::default()
        };
        self.groups.sync(&request)
    }
}

#[test]
fn a_group_settles_on_its_living_members_whoever_dies_when() {
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let mut scene = Scene::new();
        let mut clients: Vec<Option<Client>> = (0..3).map(|_| None).collect();
        for _ in 0..2000 {
            for (name, client) in clients.iter_mut().enumerate() {
                match (client.as_mut(), rng.u32(..300)) {
                    (None, 0..20) => *client = Some(Client::new(name, &mut rng)),
                    (Some(_), 0) => *client = None, // killed: its answers have nobody to go to
                    (Some(leaving), 1) => {
                        let member =
                            LeavingMember { member_id: leaving.join.member_id.clone(), instance_id: None };
                        scene.groups.leave("g", &[member]).unwrap();
                        *client = None;
                    }
                    (Some(client), _) => client.step(&mut scene, &mut rng),
                    (None, _) => {}
                }
            }
            scene.wait(STEP_MS);
        }
        // No more deaths; a rebalance and a session's time later all is well.
        for (name, client) in clients.iter_mut().enumerate().take(2) {
            client.get_or_insert_with(|| Client::new(name, &mut rng));
        }
        for _ in 0..(80_000 / STEP_MS) {
            clients.iter_mut().flatten().for_each(|client| client.step(&mut scene, &mut rng));
            scene.wait(STEP_MS);
        }
        let living: Vec<_> = clients.into_iter().flatten().collect();
        let group = scene.groups.describe("g");
        assert_eq!(group.state, GroupState::Stable, "seed {seed}");
        assert_eq!(group.members.len(), living.len(), "seed {seed}");
        let mut generations = Vec::new();
        for client in &living {
            let Phase::Working(joined) = &client.phase else { panic!("seed {seed}: a client does not work") };
            generations.push(joined.generation);
            assert!(
                group.members.iter().any(|member| member.member_id == joined.member_id),
                "seed {seed}: a client is no member"
            );
        }
        let mut assignments: Vec<_> = group.members.iter().map(|member| &member.assignment).collect();
        assignments.sort();
        assignments.dedup();
        assert_eq!(assignments.len(), living.len(), "seed {seed}: not one assignment for each");
        assert!(assignments.iter().all(|assignment| !assignment.is_empty()), "seed {seed}");
        generations.dedup();
        assert_eq!(generations.len(), 1, "seed {seed}: {generations:?}");
    }
}
