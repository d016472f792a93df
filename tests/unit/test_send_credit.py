"""What channels may send together: whoever finds nothing is told once there is something again."""

from __future__ import annotations

from webrtc_direct.platform.send_credit import SendCredit, SharedSendCredit

LIMIT = 100
KIB = 1024


class Channel:
    """One that counts how often it is told."""

    def __init__(self) -> None:
        self.told = 0

    def tell_writable(self) -> None:
        self.told += 1


def test_whoever_finds_no_credit_is_told_once_when_some_comes_back() -> None:
    credit, waiting, other = SendCredit(LIMIT), Channel(), Channel()
    assert credit.room(other) == LIMIT
    credit.take(LIMIT)
    assert credit.room(waiting) == 0
    credit.give_back(30)
    assert (waiting.told, other.told) == (1, 0)
    credit.give_back(30)
    assert waiting.told == 1
    assert (credit.left, credit.used) == (60, 40)


def test_credit_that_is_still_exhausted_wakes_nobody() -> None:
    credit, waiting = SendCredit(LIMIT), Channel()
    credit.take(LIMIT + 5)
    assert credit.room(waiting) == -5
    credit.give_back(5)
    assert waiting.told == 0
    credit.give_back(1)
    assert waiting.told == 1


def test_a_channel_that_ends_gives_its_credit_to_others_and_waits_no_more() -> None:
    credit, greedy, waiting = SendCredit(LIMIT), Channel(), Channel()
    credit.take(LIMIT)
    credit.room(greedy)
    credit.room(waiting)
    credit.leave(greedy, LIMIT)
    assert (greedy.told, waiting.told) == (0, 1)
    assert credit.used == 0


def test_a_connection_has_some_credit_of_its_own_whatever_the_others_have() -> None:
    most = 256 * KIB
    greedy, other = SharedSendCredit(most, most), SharedSendCredit(most, most)
    waiting = Channel()
    for _ in range(128):
        greedy.take(KIB)
    assert greedy.room(Channel()) == 0
    # As much as is left, and then nothing of what the others have.
    assert other.room(Channel()) == most - 128 * KIB
    other.take(128 * KIB)
    assert other.room(waiting) == -96 * KIB
    # What others give back is for others; its own writers go on when its own has left.
    greedy.end()
    assert (waiting.told, other.room(waiting)) == (0, 0)
    other.give_back(16 * KIB)
    assert (waiting.told, other.room(waiting)) == (1, 32 * KIB)
    other.end()
