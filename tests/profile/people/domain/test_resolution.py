"""Whose a fact is: the strongest identifier given decides, also when it is new."""

from hypothesis import given
from hypothesis import strategies as st

from services.profile.people.domain.resolution import Clues, decide

EXT, EXT2, PHONE, PHONE2, EMAIL = b"e1", b"e2", b"p1", b"p2", b"m1"


def by(*indexes: bytes, id: str | None = None) -> Clues:
    """A fact that names its customer by these, strongest first."""
    return Clues(id, indexes)


def test_a_fact_is_given_to_the_identity_its_identifier_belongs_to() -> None:
    (decision,) = decide([by(PHONE)], {PHONE: "B"}, ["N"])
    assert (decision.identity_id, decision.is_new, decision.claims, decision.contested) == (
        "B",
        False,
        (),
        (),
    )


def test_a_fact_that_names_an_id_is_given_to_that_identity_and_brings_it_new_identifiers() -> None:
    (decision,) = decide([by(PHONE, EMAIL, id="A")], {PHONE: "A"}, ["N"])
    assert (decision.identity_id, decision.claims) == ("A", (1,))


def test_a_weaker_identifier_of_somebody_else_stays_there() -> None:
    (decision,) = decide([by(EXT, PHONE)], {EXT: "A", PHONE: "B"}, ["N"])
    assert (decision.identity_id, decision.contested) == ("A", (1,))


def test_an_unknown_external_id_beside_a_known_phone_is_somebody_new() -> None:
    (decision,) = decide([by(EXT, PHONE)], {PHONE: "B"}, ["N"])
    assert (decision.identity_id, decision.is_new) == ("N", True)
    assert (decision.claims, decision.contested) == ((0,), (1,))


def test_facts_of_one_batch_know_those_before_them() -> None:
    first, second, third = decide([by(EXT, PHONE), by(PHONE), by(EXT2, PHONE)], {}, ["N1", "N2", "N3"])
    assert (first.identity_id, first.is_new) == ("N1", True)
    assert (second.identity_id, second.is_new, second.claims) == ("N1", False, ())
    assert (third.identity_id, third.contested) == ("N3", (1,))


def test_after_a_lost_claim_the_same_facts_are_decided_again() -> None:
    facts = [by(EXT, PHONE), by(PHONE, EMAIL)]
    before = decide(facts, {}, ["N1", "N2"])
    after = decide(facts, {PHONE: "X"}, ["N1", "N2"])
    assert [decision.identity_id for decision in before] == ["N1", "N1"]
    assert [decision.identity_id for decision in after] == ["N1", "X"]
    assert after[1].claims == (1,)  # the e-mail belongs to X now, not to N1


IDENTIFIERS = st.sampled_from([EXT, EXT2, PHONE, PHONE2, EMAIL])
FACTS = st.lists(
    st.builds(
        lambda id, names: by(*sorted(names, key=lambda index: b"epm".index(index[:1])), id=id),
        st.sampled_from([None, None, "A", "B"]),
        st.sets(IDENTIFIERS, min_size=1),
    ),
    max_size=12,
)
HOLDERS = st.dictionaries(IDENTIFIERS, st.sampled_from(["A", "B", "C"]))


@given(FACTS, HOLDERS)
def test_every_identifier_given_is_the_facts_own_or_contested(
    facts: list[Clues], holders: dict[bytes, str]
) -> None:
    births = [f"N{position}" for position in range(len(facts))]
    held = dict(holders)
    for fact, decision in zip(facts, decide(facts, holders, births), strict=True):
        for position, index in enumerate(fact.indexes):
            if position in decision.claims:
                assert index not in held
                held[index] = decision.identity_id
            assert (held[index] != decision.identity_id) == (position in decision.contested)
        if fact.identity_id is None:
            assert held[fact.indexes[0]] == decision.identity_id
        else:
            assert decision.identity_id == fact.identity_id


@given(FACTS, HOLDERS)
def test_the_same_arguments_give_the_same_decisions(facts: list[Clues], holders: dict[bytes, str]) -> None:
    births = [f"N{position}" for position in range(len(facts))]
    assert decide(facts, holders, births) == decide(facts, holders, births)
