"""Behaviour rows of the collected SLA material (39 to 57, G1 to G12): what events do to clocks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.feedback.sla.domain.calendar import DAY, Calendar, Window, Windows
from services.feedback.sla.domain.facts import Assessed, Fact, MergedIn, Milestone, Moved, Opened, Said, said
from services.feedback.sla.domain.policy import Attributes, Metric, Policy, Promise, Rules
from services.feedback.sla.domain.verdict import Clock, NoticeKind, Verdict, clocks
from services.feedback.sla.refusals import TargetInvalid

H = 3600
NORMAL, HIGH = Attributes("web", "normal"), Attributes("web", "high")
BERLIN = Calendar("office", 1, "Europe/Berlin", ((Window(8 * H, 18 * H),),) * 5 + ((), ()))
LONG = Calendar("long", 1, "UTC", ((Window(8 * H, 20 * H),),) * 5 + ((), ()))
ALWAYS = Calendar("24x7", 1, "UTC", ((Window(0, DAY),),) * 7)


def t(text: str, day: str = "2013-03-21") -> datetime:
    return datetime.fromisoformat(f"{day}T{text}:00+00:00")


def rules(calendar: Calendar, high: dict[Metric, Promise] | None = None, **seconds: int) -> Rules:
    """One default policy with these targets; `high` is what priority high gets instead."""
    promises = {Metric(metric): Promise(value, calendar.id) for metric, value in seconds.items()}
    default = Policy("default", 1, 9, None, promises)
    policies = (default,) if high is None else (Policy("high", 1, 1, {"priority": ["high"]}, high), default)
    return Rules(policies, (calendar,))


CYCLES = rules(BERLIN, first_response=H, next_response=2 * H, resolution=3 * H)
OPENED = Opened(t("09:30"), "0", NORMAL)


def agent(at: datetime, id: str = "a") -> Said:
    return Said(at, id + at.isoformat(), by_customer=False)


def customer(at: datetime, id: str = "c") -> Said:
    return Said(at, id + at.isoformat(), by_customer=True)


def did(milestone: Milestone, at: datetime) -> Moved:
    return Moved(at, milestone + at.isoformat(), milestone)


def by_metric(found: Sequence[Clock]) -> dict[str, Clock]:
    return {f"{clock.metric} {clock.cycle}.{clock.ordinal}": clock for clock in found}


def breaches(clock: Clock) -> list[tuple[datetime, str]]:
    return [
        (notice.occurred_at, notice.reason) for notice in clock.notices if notice.kind is NoticeKind.BREACHED
    ]


def test_39_next_response_is_not_armed_before_the_first_response() -> None:
    found = by_metric(clocks([OPENED], CYCLES, t("09:31")))
    assert {name: clock.due_at for name, clock in found.items()} == {
        "first_response 1.1": t("10:30"),
        "resolution 1.1": t("12:30"),
    }


def test_40_a_reply_in_time_meets_the_first_response() -> None:
    found = by_metric(clocks([OPENED, agent(t("10:00"))], CYCLES, t("10:01")))
    first = found["first_response 1.1"]
    assert (first.verdict, first.fulfilled_at, first.fulfilled_how) == (Verdict.MET, t("10:00"), "reply")
    assert found["resolution 1.1"].next_fire_at == t("12:30") + timedelta(seconds=1)


def test_41_a_late_reply_breaches_at_the_due_time() -> None:
    first = clocks([OPENED, agent(t("14:00"))], CYCLES, t("14:00"))[0]
    assert (first.verdict, breaches(first)) == (Verdict.BREACHED, [(t("10:30"), "overdue")])


def test_42_each_exchange_is_a_clock_of_its_own() -> None:
    facts = [OPENED, agent(t("11:00")), customer(t("12:05")), agent(t("12:10")), customer(t("13:00"))]
    found = by_metric(clocks(facts, CYCLES, t("13:01")))
    assert (found["next_response 1.1"].due_at, found["next_response 1.1"].fulfilled_at) == (
        t("14:05"),
        t("12:10"),
    )
    assert (found["next_response 1.2"].due_at, found["next_response 1.2"].verdict) == (
        t("15:00"),
        Verdict.RUNNING,
    )


def test_43_the_oldest_unanswered_message_counts() -> None:
    facts = [OPENED, agent(t("09:40")), customer(t("10:00")), customer(t("10:10")), customer(t("10:20"))]
    found = by_metric(clocks(facts, CYCLES, t("10:21")))
    assert found["next_response 1.1"].due_at == t("12:00")
    assert "next_response 1.2" not in found


def test_44_there_is_no_next_response_while_the_customer_is_silent() -> None:
    found = by_metric(clocks([OPENED, agent(t("09:40")), agent(t("09:50"))], CYCLES, t("10:00")))
    assert not [name for name in found if name.startswith("next_response")]


@pytest.mark.parametrize(
    ("kind", "visible", "delivery"),
    [("note", False, "sent"), ("bot", True, "sent"), ("system", True, "sent"), ("agent", True, "failed")],
)
def test_45_what_no_person_wrote_or_nobody_got_answers_nothing(
    kind: str, visible: bool, delivery: str
) -> None:
    at = t("10:00")
    assert (
        said(
            id="m",
            kind=kind,
            visible=visible,
            delivery=delivery,
            occurred_at=at,
            booked_at=at,
            confirmed=False,
        )
        is None
    )


def test_46_a_last_thanks_is_cancelled_and_not_missed() -> None:
    facts = [OPENED, agent(t("10:00")), customer(t("10:10")), did(Milestone.ANSWERED, t("10:20"))]
    exchange = by_metric(clocks(facts, CYCLES, t("15:00")))["next_response 1.1"]
    assert (exchange.verdict, exchange.cancelled_reason) == (Verdict.CANCELLED, "answered")


def test_cancelling_judges_first_so_what_was_late_stays_late() -> None:
    facts = [OPENED, did(Milestone.WITHDRAWN, t("10:31"))]
    first = clocks(facts, CYCLES, t("10:31"))[0]
    assert (first.verdict, first.cancelled_reason) == (Verdict.BREACHED, "withdrawn")
    in_time = clocks([OPENED, did(Milestone.WITHDRAWN, t("10:30"))], CYCLES, t("10:31"))[0]
    assert (in_time.verdict, in_time.cancelled_reason) == (Verdict.CANCELLED, "withdrawn")


def test_47_resolved_without_a_reply_fulfils_the_first_response_and_says_how() -> None:
    first = clocks([OPENED, did(Milestone.ANSWERED, t("10:20"))], CYCLES, t("15:00"))[0]
    assert (first.verdict, first.fulfilled_how) == (Verdict.MET, "resolution")


def test_48_the_first_response_counts_from_the_contact_and_a_reply_before_it_fulfils_nothing() -> None:
    first = clocks([agent(t("09:29")), OPENED], CYCLES, t("10:00"))[0]
    assert (first.started_at, first.verdict) == (t("09:30"), Verdict.RUNNING)


LATE_ALARM = Promise(2 * H, "long", levels=(-H,))


def test_49_a_higher_priority_moves_the_due_time_and_its_level() -> None:
    start = t("13:00", "2034-08-16")
    four = Policy("default", 1, 9, None, {Metric.RESOLUTION: Promise(4 * H, "long", levels=(-H,))})
    two = Policy("high", 1, 1, {"priority": ["high"]}, {Metric.RESOLUTION: LATE_ALARM})
    both = Rules((four, two), (LONG,))
    before = clocks([Opened(start, "0", NORMAL)], both, start)[0]
    assert (before.due_at, before.next_fire_at) == (start + timedelta(hours=4), start + timedelta(hours=3))
    after = clocks([Opened(start, "0", NORMAL), Assessed(start, "1", HIGH)], both, start)[0]
    assert (after.due_at, after.next_fire_at) == (start + timedelta(hours=2), start + timedelta(hours=1))
    assert [notice.kind for notice in after.notices] == [NoticeKind.RETARGETED]


def test_50_a_retarget_keeps_the_pause() -> None:
    day = "2026-03-02"
    high = {Metric.RESOLUTION: Promise(4 * H, "long")}
    facts = [
        Opened(t("09:00", day), "0", NORMAL),
        did(Milestone.WAITING, t("10:00", day)),
        did(Milestone.RESUMED, t("12:00", day)),
        Assessed(t("12:00", day), "9", HIGH),
    ]
    clock = clocks(facts, rules(LONG, high, resolution=8 * H), t("12:01", day))[0]
    assert clock.due_at == t("15:00", day)


def test_51_a_retarget_to_a_time_already_past_breaches_at_the_retarget() -> None:
    day = "2026-03-02"
    high = {Metric.RESOLUTION: Promise(H, "long")}
    facts = [Opened(t("09:00", day), "0", NORMAL), Assessed(t("14:00", day), "9", HIGH)]
    clock = clocks(facts, rules(LONG, high, resolution=8 * H), t("14:00", day))[0]
    assert breaches(clock) == [(t("14:00", day), "retarget")]
    assert (
        clocks(facts[:1], rules(LONG, high, resolution=8 * H), t("13:59", day))[0].verdict is Verdict.RUNNING
    )


def test_52_a_met_target_is_never_judged_again() -> None:
    start = t("09:00", "2026-03-02")
    high = {Metric.FIRST_RESPONSE: Promise(H // 2, "24x7")}
    facts = [
        Opened(start, "0", NORMAL),
        agent(start + timedelta(hours=2)),
        Assessed(start + timedelta(days=1), "9", HIGH),
    ]
    clock = clocks(facts, rules(ALWAYS, high, first_response=DAY), start + timedelta(days=2))[0]
    assert (clock.verdict, clock.target_seconds) == (Verdict.MET, DAY)


def test_53_a_breach_stays_when_the_target_is_relaxed_and_the_levels_are_armed_once_more() -> None:
    start = t("09:00", "2026-03-02")
    high = {Metric.RESOLUTION: Promise(H, "24x7", levels=(H,))}
    default = Policy("default", 1, 9, None, {Metric.RESOLUTION: Promise(8 * H, "24x7", levels=(H,))})
    both = Rules((Policy("high", 1, 1, {"priority": ["high"]}, high), default), (ALWAYS,))
    facts = [Opened(start, "0", HIGH), Assessed(start + timedelta(hours=3), "9", NORMAL)]
    clock = clocks(facts, both, start + timedelta(hours=4))[0]
    assert (clock.verdict, clock.due_at) == (Verdict.BREACHED, start + timedelta(hours=8))
    assert breaches(clock) == [(start + timedelta(hours=1), "overdue")]
    assert clock.next_fire_at == start + timedelta(hours=9)
    late = clocks(
        [*facts, did(Milestone.ANSWERED, start + timedelta(hours=5))], both, start + timedelta(hours=6)
    )[0]
    assert late.verdict is Verdict.BREACHED


def test_54_a_complaint_that_matches_no_policy_any_more_loses_its_clocks_and_gets_them_back() -> None:
    start = t("09:00", "2026-03-02")
    only = Rules(
        (Policy("vip", 1, 1, {"priority": ["high"]}, {Metric.RESOLUTION: Promise(8 * H, "24x7")}),), (ALWAYS,)
    )
    facts: list[Fact] = [Opened(start, "0", HIGH), Assessed(start + timedelta(hours=1), "8", NORMAL)]
    lost = clocks(facts, only, start + timedelta(hours=20))[0]
    assert (lost.verdict, lost.cancelled_reason, lost.next_fire_at) == (Verdict.CANCELLED, "no_policy", None)
    facts.append(Assessed(start + timedelta(hours=2), "9", HIGH))
    back = clocks(facts, only, start + timedelta(hours=3))[0]
    assert (back.verdict, back.due_at) == (Verdict.RUNNING, start + timedelta(hours=8))


def test_55_empty_conditions_match_nothing_and_the_new_default_wins() -> None:
    demoted = Policy("old", 2, 1, {}, {Metric.FIRST_RESPONSE: Promise(H, "24x7")})
    default = Policy("new", 1, 5, None, {Metric.FIRST_RESPONSE: Promise(2 * H, "24x7")})
    assert (
        Rules((demoted, default), (ALWAYS,)).goals(NORMAL, t("09:00"))[Metric.FIRST_RESPONSE].policy_id
        == "new"
    )


def test_56_a_holiday_added_moves_open_clocks_and_leaves_closed_ones() -> None:
    opened = t("09:00", "2026-03-02")  # a Monday
    holiday = datetime(2026, 3, 3, tzinfo=UTC).date()
    changed = Calendar(
        "long", 2, "UTC", LONG.week, ((holiday, ()),), t("12:00", "2026-03-02"), apply_to_open=True
    )
    promise = {Metric.RESOLUTION: Promise(15 * H, "long"), Metric.FIRST_RESPONSE: Promise(15 * H, "long")}
    both = Rules((Policy("default", 1, 1, None, promise),), (LONG, changed))
    first, resolution = clocks(
        [Opened(opened, "0", NORMAL), agent(t("10:00", "2026-03-02"))], both, t("13:00", "2026-03-02")
    )
    assert (first.calendar_version, first.due_at) == (1, t("12:00", "2026-03-03"))
    assert (resolution.calendar_version, resolution.due_at) == (2, t("12:00", "2026-03-04"))
    assert [notice.kind for notice in resolution.notices] == [NoticeKind.RETARGETED]


def test_a_version_that_takes_over_tomorrow_moves_no_clock_today() -> None:
    promise = {Metric.FIRST_RESPONSE: Promise(DAY, "24x7")}
    shorter = {Metric.FIRST_RESPONSE: Promise(H, "24x7")}
    takes_over = t("09:00", "2026-03-03")
    coming = Policy("default", 2, 1, None, shorter, takes_over, apply_to_open=True)
    both = Rules((Policy("default", 1, 1, None, promise), coming), (ALWAYS,))
    facts = [Opened(t("12:00", "2026-03-02"), "0", NORMAL)]
    assert clocks(facts, both, t("13:00", "2026-03-02"))[0].target_seconds == DAY
    (clock,) = clocks(facts, both, takes_over)
    assert (clock.target_seconds, breaches(clock)) == (H, [(takes_over, "retarget")])


def test_57_the_target_of_a_merge_keeps_the_earlier_unanswered_message() -> None:
    source = clocks([OPENED, did(Milestone.MERGED, t("09:50"))], CYCLES, t("09:51"))[0]
    assert (source.verdict, source.cancelled_reason) == (Verdict.CANCELLED, "merged")
    later = Opened(t("09:45"), "0", NORMAL)
    target = clocks([later, MergedIn(t("09:50"), "m", since=t("09:30"))], CYCLES, t("09:51"))[0]
    assert target.due_at == t("10:30")
    answered = [later, agent(t("09:48")), MergedIn(t("09:50"), "m", since=t("09:30"))]
    exchange = by_metric(clocks(answered, CYCLES, t("09:51")))["next_response 1.1"]
    assert (exchange.started_at, exchange.due_at) == (t("09:30"), t("11:30"))


def test_nobody_is_late_for_an_inherited_message_before_the_merge() -> None:
    later = Opened(t("11:00"), "0", NORMAL)
    target = clocks([later, MergedIn(t("11:10"), "m", since=t("09:00"))], CYCLES, t("11:11"))[0]
    assert breaches(target) == [(t("11:10"), "retarget")]


def test_g1_a_level_eight_working_hours_before_the_due_time_fires_then() -> None:
    office: tuple[Windows, ...] = (
        ((Window(10 * H + 1800, 19 * H),),) + ((Window(8 * H + 1800, 19 * H),),) * 4 + ((), ())
    )
    calendar = Calendar("gl", 1, "UTC", office)
    start = datetime.fromisoformat("2034-06-14T08:46:12+00:00")
    promise = Promise(21 * H, "gl", levels=(-8 * H,))
    only = Rules((Policy("default", 1, 1, None, {Metric.RESOLUTION: promise}),), (calendar,))
    clock = clocks([Opened(start, "0", NORMAL)], only, start)[0]
    assert clock.due_at == datetime.fromisoformat("2034-06-16T08:46:12+00:00")
    assert clock.next_fire_at == datetime.fromisoformat("2034-06-15T11:16:12+00:00")


def test_g2_a_level_one_hour_before_a_due_time_in_the_morning_is_in_the_morning() -> None:
    office = Calendar("o", 1, "UTC", ((Window(8 * H, 18 * H),),) * 5 + ((), ()))
    promise = Promise(4 * H, "o", levels=(-H,))
    only = Rules((Policy("default", 1, 1, None, {Metric.RESOLUTION: promise}),), (office,))
    clock = clocks([Opened(t("17:00", "2026-01-12"), "0", NORMAL)], only, t("17:00", "2026-01-12"))[0]
    assert (clock.due_at, clock.next_fire_at) == (t("11:00", "2026-01-13"), t("10:00", "2026-01-13"))


def test_g3_a_reply_after_hours_is_not_late() -> None:
    office = Calendar("o", 1, "UTC", ((Window(10 * H, 18 * H),),) * 5 + ((), ()))
    facts = [Opened(t("17:55", "2025-06-02"), "0", NORMAL), agent(t("18:05", "2025-06-02"))]
    first = clocks(facts, rules(office, first_response=1800), t("18:06", "2025-06-02"))[0]
    assert (first.due_at, first.verdict) == (t("10:25", "2025-06-03"), Verdict.MET)


def test_g9_a_clock_is_judged_by_the_time_of_the_event_and_not_of_the_look() -> None:
    facts = [OPENED, did(Milestone.ANSWERED, t("12:31"))]
    assert by_metric(clocks(facts, CYCLES, t("12:36")))["resolution 1.1"].verdict is Verdict.BREACHED


def test_g10_waiting_that_comes_to_light_after_the_reply_it_precedes_gives_the_same_due_time() -> None:
    facts = [OPENED, agent(t("10:00")), did(Milestone.WAITING, t("10:05")), customer(t("10:35"))]
    shuffled = [facts[3], facts[0], facts[2], facts[1]]
    found = clocks(shuffled, CYCLES, t("10:36"))
    assert found == clocks(facts, CYCLES, t("10:36"))
    assert by_metric(found)["resolution 1.1"].due_at == t("13:00")


def test_c3_a_promise_is_kept_in_the_second_it_is_due_and_late_in_the_next() -> None:
    assert clocks([OPENED], CYCLES, t("10:30"))[0].verdict is Verdict.RUNNING
    assert clocks([OPENED], CYCLES, t("10:30") + timedelta(seconds=1))[0].verdict is Verdict.BREACHED
    assert clocks([OPENED, agent(t("10:30"))], CYCLES, t("11:00"))[0].verdict is Verdict.MET


def test_c5_waiting_pauses_the_resolution_and_not_the_first_response() -> None:
    found = by_metric(clocks([OPENED, did(Milestone.WAITING, t("10:00"))], CYCLES, t("10:10")))
    assert (found["first_response 1.1"].due_at, found["resolution 1.1"].due_at) == (t("10:30"), None)
    assert found["resolution 1.1"].paused_since == t("10:00")


def test_a_reopening_starts_every_clock_anew() -> None:
    facts = [
        OPENED,
        agent(t("09:40")),
        did(Milestone.ANSWERED, t("09:41")),
        did(Milestone.FOLLOWED_UP, t("09:50")),
        did(Milestone.CLOSED, t("09:51")),
        did(Milestone.REOPENED, t("12:00")),
    ]
    found = by_metric(clocks(facts, CYCLES, t("12:01")))
    assert found["first_response 1.1"].verdict is Verdict.MET
    assert (found["first_response 2.1"].due_at, found["resolution 2.1"].due_at) == (t("13:00"), t("15:00"))


def test_a_refused_answer_is_followed_by_another_resolution() -> None:
    facts = [
        OPENED,
        agent(t("09:40")),
        did(Milestone.ANSWERED, t("09:41")),
        did(Milestone.ANSWER_REFUSED, t("10:00")),
    ]
    found = by_metric(clocks(facts, CYCLES, t("10:01")))
    assert found["resolution 1.1"].verdict is Verdict.MET
    assert found["resolution 1.2"].due_at == t("13:00")


def test_warnings_are_told_before_the_due_time_and_keep_their_own_time() -> None:
    promise = Promise(2 * H, "24x7", warn=(H, 1800))
    only = Rules((Policy("default", 1, 1, None, {Metric.FIRST_RESPONSE: promise}),), (ALWAYS,))
    start = t("09:00")
    clock = clocks([Opened(start, "0", NORMAL)], only, t("10:15"))[0]
    told = [(notice.kind, notice.level, notice.occurred_at) for notice in clock.notices]
    assert told == [(NoticeKind.WARNED, 1, t("10:00"))]
    assert clock.next_fire_at == t("10:30")


def test_a_warning_cannot_come_before_the_start() -> None:
    with pytest.raises(TargetInvalid):
        Promise(H, "24x7", warn=(2 * H,))


def test_a_reply_dated_back_counts_when_it_was_written_down_until_a_manager_confirms_it() -> None:
    then, now = t("10:00"), t("11:00")
    plain = said(
        id="m", kind="agent", visible=True, delivery="sent", occurred_at=then, booked_at=now, confirmed=False
    )
    confirmed = said(
        id="m", kind="agent", visible=True, delivery="sent", occurred_at=then, booked_at=now, confirmed=True
    )
    assert isinstance(plain, Said)
    assert isinstance(confirmed, Said)
    assert (plain.at, confirmed.at) == (now, then)
