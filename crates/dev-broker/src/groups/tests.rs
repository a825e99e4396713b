//! Tests of the coordinator: scripted scenarios of two and three members, with the time in the
//! test's hand. Each answer is there when the call that causes it returns.

mod clients;
mod offsets;

use std::time::{Duration, Instant};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::{
    Caller, GroupError, GroupState, Groups, GroupsConfig, JoinAnswer, JoinRequest, Joined, LeavingMember,
    OffsetToCommit, SyncAnswer, SyncRequest,
};

struct Scene {
    dir: TempDir,
    groups: Groups,
    now: Instant,
}

impl Scene {
    fn new() -> Self {
        Self::with(GroupsConfig::default())
    }

    fn with(config: GroupsConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let groups = Groups::open(&dir.path().join("offsets"), config).unwrap();
        let mut scene = Self { dir, groups, now: Instant::now() };
        scene.wait(0);
        scene
    }

    /// Lets time pass at once, with one look at the clock afterwards.
    fn wait(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.groups.test_now = Some(self.now);
        self.groups.tick(self.now);
    }

    fn state(&self) -> GroupState {
        self.groups.describe("g").state
    }

    /// Joins without a member id of its own, as a client before JoinGroup v4.
    fn join(&mut self, client_id: &str) -> Receiver<JoinAnswer> {
        self.groups.join(&request(client_id)).unwrap()
    }

    fn rejoin(&mut self, joined: &Joined) -> Receiver<JoinAnswer> {
        self.groups.join(&JoinRequest { member_id: joined.member_id.clone(), ..request("again") }).unwrap()
    }

    /// A stable group of clients, started together; the first is the leader.
    fn stable(&mut self, client_ids: &[&str]) -> Vec<Joined> {
        let answers: Vec<_> = client_ids.iter().map(|id| self.join(id)).collect();
        self.wait(100);
        self.wait(100);
        let mut joined: Vec<_> = answers.into_iter().map(|answer| taken(answer).unwrap()).collect();
        joined.sort_by_key(|joined| joined.member_id != joined.leader);
        let syncs: Vec<_> = joined.iter().map(|joined| self.sync(joined)).collect();
        for (sync, joined) in syncs.into_iter().zip(&joined) {
            assert_eq!(taken(sync).unwrap().assignment, format!("for {}", joined.member_id));
        }
        assert_eq!(self.state(), GroupState::Stable);
        joined
    }

    /// Syncs; the leader gives each member an assignment with its name.
    fn sync(&mut self, joined: &Joined) -> Receiver<SyncAnswer> {
        let assign = |id: &String| (id.clone(), Bytes::from(format!("for {id}")));
        let assignments = joined.members.iter().map(|member| assign(&member.member_id)).collect();
        let request = SyncRequest { caller: caller(joined), assignments, ..SyncRequest::default() };
        self.groups.sync(&request).unwrap()
    }

    fn heartbeat(&mut self, joined: &Joined) -> Result<(), GroupError> {
        self.groups.heartbeat(&caller(joined))
    }

    fn leave(&mut self, member_id: &str) -> Result<(), GroupError> {
        let leaving = LeavingMember { member_id: member_id.to_owned(), instance_id: None };
        self.groups.leave("g", &[leaving]).unwrap().remove(0)
    }
}

fn request(client_id: &str) -> JoinRequest {
    JoinRequest {
        group_id: "g".to_owned(),
        client_id: client_id.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(b"topics"))],
        ..JoinRequest::default()
    }
}

fn static_request(instance_id: &str) -> JoinRequest {
    JoinRequest { instance_id: Some(instance_id.to_owned()), ..request("static") }
}

fn caller(joined: &Joined) -> Caller {
    Caller {
        group_id: "g".to_owned(),
        generation: joined.generation,
        member_id: joined.member_id.clone(),
        instance_id: None,
    }
}

/// The answer, which must be there.
fn taken<T>(mut answer: Receiver<T>) -> T {
    answer.try_recv().expect("the answer is there")
}

fn is_waiting<T>(answer: &mut Receiver<T>) -> bool {
    matches!(answer.try_recv(), Err(TryRecvError::Empty))
}

#[test]
fn a_lone_member_joins_syncs_heartbeats_commits_and_leaves() {
    let mut scene = Scene::new();
    let first = JoinRequest { member_id_required: true, ..request("c") };
    let Err(GroupError::MemberIdRequired { member_id }) = scene.groups.join(&first) else {
        panic!("the first join only gives an id")
    };
    assert!(member_id.starts_with("c-"));
    let mut answer = scene.groups.join(&JoinRequest { member_id: member_id.clone(), ..first }).unwrap();
    scene.wait(99);
    assert!(is_waiting(&mut answer));
    scene.wait(1);
    let joined = taken(answer).unwrap();
    assert_eq!((joined.generation, &joined.leader, &joined.member_id), (1, &member_id, &member_id));
    assert_eq!((joined.protocol.as_str(), joined.members.len()), ("range", 1));
    assert_eq!(joined.members[0].metadata, "topics");
    assert_eq!(scene.state(), GroupState::CompletingRebalance);
    assert_eq!(scene.heartbeat(&joined), Ok(()));
    let sync = scene.sync(&joined);
    assert_eq!(taken(sync).unwrap().assignment, format!("for {member_id}"));
    assert_eq!(scene.heartbeat(&joined), Ok(()));
    assert_eq!(scene.groups.commit(&caller(&joined), vec![]).unwrap(), []);
    assert_eq!(scene.leave(&member_id), Ok(()));
    assert_eq!(scene.state(), GroupState::Empty);
    assert_eq!(scene.heartbeat(&joined), Err(GroupError::UnknownMemberId));
    scene.wait(0);
    assert_eq!(scene.state(), GroupState::Dead, "no members, no offsets");
}

#[test]
fn members_that_come_within_the_delay_share_the_first_generation() {
    let mut scene = Scene::new();
    let mut first = scene.join("a");
    scene.wait(60);
    let mut second = scene.join("b");
    scene.wait(60);
    // The delay starts again while members come.
    assert!(is_waiting(&mut first) && is_waiting(&mut second));
    scene.wait(100);
    let (first, second) = (taken(first).unwrap(), taken(second).unwrap());
    assert_eq!((first.generation, second.generation), (1, 1));
    assert_eq!(first.leader, second.leader);
    let (leader, follower) = if first.leader == first.member_id { (first, second) } else { (second, first) };
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0));
    // The follower waits for the leader's assignment.
    let mut waiting = scene.sync(&follower);
    assert!(is_waiting(&mut waiting));
    let sync = scene.sync(&leader);
    assert_eq!(taken(sync).unwrap().assignment, format!("for {}", leader.member_id));
    assert_eq!(taken(waiting).unwrap().assignment, format!("for {}", follower.member_id));
    // Who asks again gets it again.
    let again = scene.sync(&follower);
    assert_eq!(taken(again).unwrap().assignment, format!("for {}", follower.member_id));
}

#[test]
fn a_third_member_has_the_others_join_again_and_who_does_not_is_out() {
    let mut scene = Scene::new();
    let old = scene.stable(&["a", "b"]);
    let mut third = scene.join("c");
    assert_eq!(scene.state(), GroupState::PreparingRebalance);
    assert_eq!(scene.heartbeat(&old[0]), Err(GroupError::RebalanceInProgress));
    // Offsets of the old generation are still taken: clients commit before they join again.
    assert!(scene.groups.commit(&caller(&old[1]), vec![]).is_ok());
    let first = scene.rejoin(&old[0]);
    for _ in 0..11 {
        assert!(is_waiting(&mut third));
        // It lives but does not come.
        assert_eq!(scene.heartbeat(&old[1]), Err(GroupError::RebalanceInProgress));
        scene.wait(5_000);
    }
    scene.wait(5_000);
    let (first, third) = (taken(first).unwrap(), taken(third).unwrap());
    assert_eq!((first.generation, third.generation), (2, 2));
    assert_eq!((&first.leader, first.members.len()), (&first.member_id, 2));
    assert_eq!(scene.heartbeat(&old[1]), Err(GroupError::UnknownMemberId));
    assert_eq!(scene.heartbeat(&old[0]), Err(GroupError::IllegalGeneration));
}

#[test]
fn leaving_and_silence_end_in_a_rebalance_of_the_others() {
    for leaves in [true, false] {
        let mut scene = Scene::new();
        let old = scene.stable(&["a", "b", "c"]);
        if leaves {
            assert_eq!(scene.leave(&old[0].member_id), Ok(()));
        } else {
            for _ in 0..3 {
                scene.wait(4_000);
                scene.heartbeat(&old[1]).ok();
                scene.heartbeat(&old[2]).ok();
            }
        }
        assert_eq!(scene.state(), GroupState::PreparingRebalance, "leaves {leaves}");
        let answers = [scene.rejoin(&old[1]), scene.rejoin(&old[2])];
        let joined = answers.map(|answer| taken(answer).unwrap());
        assert_eq!(joined[0].generation, 2);
        assert_eq!(joined[0].leader, joined[1].leader);
        assert_ne!(joined[0].leader, old[0].member_id);
        assert_eq!(scene.leave(&old[0].member_id), Err(GroupError::UnknownMemberId));
    }
}

#[test]
fn a_leader_that_dies_before_it_assigns_does_not_hold_the_group() {
    let mut scene = Scene::new();
    let answers = [scene.join("a"), scene.join("b")];
    scene.wait(100);
    scene.wait(100);
    let [first, second] = answers.map(|answer| taken(answer).unwrap());
    let follower = if first.leader == first.member_id { second } else { first };
    let mut waiting = scene.sync(&follower);
    scene.wait(10_000);
    assert!(is_waiting(&mut waiting));
    // The leader's session is over; the follower's is not, since it waits for us.
    scene.wait(1);
    assert_eq!(taken(waiting), Err(GroupError::RebalanceInProgress));
    let answer = scene.rejoin(&follower);
    let joined = taken(answer).unwrap();
    assert_eq!((joined.generation, &joined.leader), (2, &joined.member_id));
}

#[test]
fn members_that_joined_but_never_sync_are_out_after_the_rebalance_timeout() {
    let mut scene = Scene::new();
    let answers = [scene.join("a"), scene.join("b")];
    scene.wait(100);
    scene.wait(100);
    let joined = answers.map(|answer| taken(answer).unwrap());
    for _ in 0..11 {
        // Both live, and none asks for its assignment.
        joined.iter().for_each(|joined| scene.heartbeat(joined).unwrap());
        scene.wait(5_000);
    }
    assert_eq!(scene.state(), GroupState::CompletingRebalance);
    joined.iter().for_each(|joined| scene.heartbeat(joined).unwrap());
    scene.wait(5_000);
    assert_eq!(scene.state(), GroupState::Dead);
}

#[test]
fn a_client_that_is_gone_while_it_waits_does_not_hold_the_group() {
    let mut scene = Scene::new();
    let old = scene.stable(&["a", "b"]);
    drop(scene.join("c"));
    let mut first = scene.rejoin(&old[0]);
    let mut second = scene.rejoin(&old[1]);
    // All three have joined, so there is a generation with a dead member; its silence ends it.
    let joined = [taken_now(&mut first), taken_now(&mut second)];
    assert_eq!(joined[0].generation, 2);
    joined.iter().for_each(|joined| drop(scene.sync(joined)));
    for _ in 0..3 {
        scene.wait(4_000);
        joined.iter().for_each(|joined| drop(scene.heartbeat(joined)));
    }
    assert_eq!(scene.state(), GroupState::PreparingRebalance);
    assert_eq!(scene.groups.describe("g").members.len(), 2);
}

#[test]
fn a_client_that_was_seen_to_go_has_its_session_to_come_back_and_is_no_member_of_what_follows() {
    let mut scene = Scene::new();
    let old = scene.stable(&["a"]);
    drop(scene.join("b"));
    scene.wait(50);
    let mut answer = scene.rejoin(&old[0]);
    scene.wait(10_000);
    assert!(is_waiting(&mut answer));
    scene.wait(1);
    let joined = taken_now(&mut answer);
    assert_eq!((joined.generation, joined.members.len()), (2, 1));
}

fn taken_now(answer: &mut Receiver<JoinAnswer>) -> Joined {
    answer.try_recv().expect("the answer is there").unwrap()
}

#[test]
fn a_follower_may_ask_again_without_disturbing_anybody_but_a_leader_rebalances() {
    let mut scene = Scene::new();
    let old = scene.stable(&["a", "b"]);
    let answer =
        scene.groups.join(&JoinRequest { member_id: old[1].member_id.clone(), ..request("b") }).unwrap();
    let again = taken(answer).unwrap();
    assert_eq!((again.generation, &again.leader), (1, &old[0].member_id));
    assert_eq!(scene.state(), GroupState::Stable);
    // With another subscription it does.
    let changed = vec![("range".to_owned(), Bytes::from_static(b"other topics"))];
    let changed = JoinRequest { member_id: old[1].member_id.clone(), protocols: changed, ..request("b") };
    let mut follower = scene.groups.join(&changed).unwrap();
    assert!(is_waiting(&mut follower));
    let mut leader = scene.rejoin(&old[0]);
    assert_eq!(taken_now(&mut leader).members.len(), 2);
    let joined = taken_now(&mut follower);
    drop(scene.sync(&joined));
    // While the rest is under way, the same join is answered with the generation that there is.
    let answer = scene.groups.join(&changed).unwrap();
    assert_eq!(taken(answer).unwrap().generation, 2);

    let mut scene = Scene::new();
    let old = scene.stable(&["a", "b"]);
    let mut leader = scene.rejoin(&old[0]);
    assert!(is_waiting(&mut leader));
    assert_eq!(scene.heartbeat(&old[1]), Err(GroupError::RebalanceInProgress));
}

#[test]
fn a_static_member_restarts_without_a_rebalance_and_its_former_self_is_fenced() {
    for skip_assignment in [false, true] {
        let mut scene = Scene::new();
        let requests = ["x", "y"].map(|id| JoinRequest {
            skip_assignment,
            member_id_required: true,
            ..static_request(id)
        });
        let answers = [0, 1].map(|at: usize| scene.groups.join(&requests[at]).unwrap());
        scene.wait(100);
        scene.wait(100);
        let joined = answers.map(|answer| taken(answer).unwrap());
        joined.iter().filter(|joined| joined.members.is_empty()).for_each(|joined| drop(scene.sync(joined)));
        joined.iter().filter(|joined| !joined.members.is_empty()).for_each(|joined| drop(scene.sync(joined)));
        assert_eq!(scene.state(), GroupState::Stable);
        for (old, request) in joined.iter().zip(&requests) {
            let was_leader = old.leader == old.member_id;
            let answer = scene.groups.join(request).unwrap();
            let new = taken(answer).unwrap();
            assert_eq!((new.generation, scene.state()), (1, GroupState::Stable));
            assert_ne!(new.member_id, old.member_id);
            // A leader that comes back does not assign anew: it is told so, or that another leads.
            assert_eq!(new.leader == new.member_id, was_leader && skip_assignment);
            assert_eq!(new.skip_assignment, was_leader && skip_assignment);
            assert_eq!(new.members.len(), if was_leader && skip_assignment { 2 } else { 0 });
            let sync = scene.groups.sync(&SyncRequest { caller: caller(&new), ..SyncRequest::default() });
            assert_eq!(taken(sync.unwrap()).unwrap().assignment, format!("for {}", old.member_id));

            let mut former = caller(old);
            former.instance_id.clone_from(&request.instance_id);
            assert_eq!(scene.groups.heartbeat(&former), Err(GroupError::FencedInstanceId));
            assert_eq!(scene.groups.commit(&former, vec![]), Err(GroupError::FencedInstanceId));
            let rejoin = JoinRequest { member_id: old.member_id.clone(), ..request.clone() };
            assert_eq!(scene.groups.join(&rejoin).unwrap_err(), GroupError::FencedInstanceId);
        }
    }
}

#[test]
fn a_static_member_is_removed_by_its_instance_id_or_its_session_only() {
    let mut scene = Scene::new();
    let answer = scene.groups.join(&static_request("x")).unwrap();
    scene.wait(100);
    let first = taken(answer).unwrap();
    drop(scene.sync(&first));
    // A dynamic one comes, and the static one misses the rebalance: it stays in the group.
    let mut second = scene.join("d");
    for _ in 0..12 {
        let mut alive = caller(&first);
        alive.instance_id = Some("x".to_owned());
        scene.groups.heartbeat(&alive).ok();
        scene.wait(5_000);
    }
    let second = taken_now(&mut second);
    assert_eq!((second.members.len(), &second.leader), (2, &second.member_id));
    let by = |member_id: &str, instance_id: &str| LeavingMember {
        member_id: member_id.to_owned(),
        instance_id: Some(instance_id.to_owned()),
    };
    let results = scene.groups.leave("g", &[by("", "z"), by("other", "x"), by("", "x")]).unwrap();
    assert_eq!(results, [Err(GroupError::UnknownMemberId), Err(GroupError::FencedInstanceId), Ok(())]);
    assert_eq!(scene.groups.describe("g").members.len(), 1);
}

#[test]
fn a_waiting_static_member_that_is_replaced_is_told_so() {
    let mut scene = Scene::new();
    let old = scene.groups.join(&static_request("x")).unwrap();
    let new = scene.groups.join(&static_request("x")).unwrap();
    assert_eq!(taken(old), Err(GroupError::FencedInstanceId));
    scene.wait(100);
    assert_eq!(taken(new).unwrap().members.len(), 1);
}

#[test]
fn an_id_that_is_never_used_holds_a_rebalance_until_it_expires_and_no_longer() {
    let mut scene = Scene::new();
    let old = scene.stable(&["a"]);
    let unused = JoinRequest { member_id_required: true, session_timeout_ms: 6_000, ..request("b") };
    scene.groups.join(&unused).unwrap_err();
    let mut answer = scene.rejoin(&old[0]);
    scene.wait(5_999);
    assert!(is_waiting(&mut answer));
    scene.wait(1);
    assert_eq!(taken(answer).unwrap().generation, 2);
    // Leaving with it works as well.
    let Err(GroupError::MemberIdRequired { member_id }) = scene.groups.join(&unused) else { panic!() };
    assert_eq!(scene.leave(&member_id), Ok(()));
    assert_eq!(scene.leave(&member_id), Err(GroupError::UnknownMemberId));
}

#[test]
fn the_protocol_is_one_that_all_know_and_the_favourite_of_most() {
    let mut scene = Scene::new();
    let with = |names: &[&str]| JoinRequest {
        protocols: names.iter().map(|name| ((*name).to_owned(), Bytes::from((*name).to_owned()))).collect(),
        ..request("c")
    };
    let answers = [["sticky", "range"], ["range", "sticky"], ["sticky", "range"]]
        .map(|names| scene.groups.join(&with(&names)).unwrap());
    assert_eq!(scene.groups.join(&with(&["other"])).unwrap_err(), GroupError::InconsistentGroupProtocol);
    let other_type = JoinRequest { protocol_type: "connect".to_owned(), ..with(&["range"]) };
    assert_eq!(scene.groups.join(&other_type).unwrap_err(), GroupError::InconsistentGroupProtocol);
    let fourth = scene.groups.join(&with(&["x", "range"])).unwrap();
    scene.wait(100);
    scene.wait(100);
    let joined = taken(fourth).unwrap();
    assert_eq!(joined.protocol, "range");
    let leader = answers.map(|answer| taken(answer).unwrap()).into_iter().find(|one| !one.members.is_empty());
    let members = leader.unwrap_or(joined).members;
    assert!(members.len() == 4 && members.iter().all(|member| member.metadata == "range"));
}

#[test]
fn what_does_not_fit_is_refused_by_its_code() {
    let mut scene = Scene::new();
    let join = |scene: &mut Scene, change: &dyn Fn(&mut JoinRequest)| {
        let mut request = request("c");
        change(&mut request);
        scene.groups.join(&request).unwrap_err().code()
    };
    assert_eq!(join(&mut scene, &|request| request.group_id.clear()), 24);
    assert_eq!(join(&mut scene, &|request| request.group_id = "g".repeat(1025)), 24);
    assert_eq!(join(&mut scene, &|request| request.session_timeout_ms = 0), 26);
    assert_eq!(join(&mut scene, &|request| request.session_timeout_ms = i32::MAX), 26);
    assert_eq!(join(&mut scene, &|request| request.protocols.clear()), 23);
    assert_eq!(join(&mut scene, &|request| request.protocol_type.clear()), 23);
    assert_eq!(join(&mut scene, &|request| "who".clone_into(&mut request.member_id)), 25);
    assert_eq!(join(&mut scene, &|request| request.protocols[0].0 = "n".repeat(2000)), 42);
    scene.wait(0);
    assert_eq!(scene.groups.list(), [], "a refused join leaves no group");

    let joined = scene.stable(&["a"]).remove(0);
    let with = |change: &dyn Fn(&mut Caller)| {
        let mut caller = caller(&joined);
        change(&mut caller);
        caller
    };
    let table: [(Caller, i16); 5] = [
        (with(&|caller| caller.group_id.clear()), 24),
        (with(&|caller| "no".clone_into(&mut caller.group_id)), 25),
        (with(&|caller| "no".clone_into(&mut caller.member_id)), 25),
        (with(&|caller| caller.generation = 7), 22),
        (with(&|caller| caller.instance_id = Some("no".to_owned())), 25),
    ];
    for (caller, code) in table {
        assert_eq!(scene.groups.heartbeat(&caller).unwrap_err().code(), code, "{caller:?}");
        let sync = SyncRequest { caller: caller.clone(), ..SyncRequest::default() };
        assert_eq!(scene.groups.sync(&sync).unwrap_err().code(), code, "{caller:?}");
        let expected = if caller.group_id == "no" { 22 } else { code };
        assert_eq!(scene.groups.commit(&caller, vec![]).unwrap_err().code(), expected, "{caller:?}");
    }
    let stranger = with(&|caller| (caller.generation, caller.member_id) = (-1, String::new()));
    assert_eq!(scene.groups.commit(&stranger, vec![]).unwrap_err().code(), 25);
    let other = SyncRequest {
        caller: caller(&joined),
        protocol_name: Some("sticky".to_owned()),
        ..SyncRequest::default()
    };
    assert_eq!(scene.groups.sync(&other).unwrap_err().code(), 23);
    assert_eq!(scene.groups.delete("g").unwrap_err().code(), 68);
    assert_eq!(scene.groups.delete("no").unwrap_err().code(), 69);
    assert_eq!(scene.groups.delete("").unwrap_err().code(), 24);
    assert_eq!(
        scene.groups.leave("no", &[LeavingMember::default()]).unwrap()[0],
        Err(GroupError::UnknownMemberId)
    );
}

#[test]
fn groups_members_and_their_bytes_are_bounded() {
    let config =
        GroupsConfig { groups_max: 2, members_max: 3, members_bytes_max: 2000, ..GroupsConfig::default() };
    let mut scene = Scene::with(config);
    let of = |group: &str| JoinRequest { group_id: group.to_owned(), ..request("c") };
    let _first = scene.groups.join(&of("a")).unwrap();
    let id_given = JoinRequest { member_id_required: true, ..of("b") };
    let Err(GroupError::MemberIdRequired { member_id }) = scene.groups.join(&id_given) else { panic!() };
    assert_eq!(scene.groups.join(&of("c")).unwrap_err().code(), 81);
    let _second = scene.groups.join(&of("b")).unwrap();
    assert_eq!(scene.groups.join(&of("b")).unwrap_err().code(), 81);
    // Its room was kept for the one that has an id.
    let _third = scene.groups.join(&JoinRequest { member_id, ..of("b") }).unwrap();
    let large = vec![("range".to_owned(), Bytes::from(vec![0; 2000]))];
    assert_eq!(scene.groups.join(&JoinRequest { protocols: large, ..of("a") }).unwrap_err().code(), 81);
}

#[test]
fn a_group_is_described_with_its_members() {
    let mut scene = Scene::new();
    let joined = scene.stable(&["a", "b"]);
    let description = scene.groups.describe("g");
    assert_eq!(description.state.as_str(), "Stable");
    assert_eq!((description.protocol_type.as_str(), description.protocol.as_str()), ("consumer", "range"));
    assert_eq!(description.members.len(), 2);
    for member in &description.members {
        assert!(joined.iter().any(|joined| joined.member_id == member.member_id));
        assert_eq!((member.client_host.as_str(), &member.metadata[..]), ("/127.0.0.1", &b"topics"[..]));
        assert_eq!(member.assignment, format!("for {}", member.member_id));
    }
    let listing = &scene.groups.list()[0];
    assert_eq!((listing.group_id.as_str(), listing.state), ("g", GroupState::Stable));
    assert_eq!(scene.groups.describe("other").state.as_str(), "Dead");
}
