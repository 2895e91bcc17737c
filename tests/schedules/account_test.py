"""The account finds what it is made to find, and nothing in what is right."""
import unittest

from account import Excuses, Run, Slots, judge_retention, judge_slots, most_at_once, times_of_many

EVERY = 60.0
SLOTS = Slots(EVERY, 10.0)
UNTIL = 400.0


def judge(starts, excuses=()):
    return judge_slots("t", SLOTS, starts, 0.0, UNTIL, Excuses(excuses, 20.0))


def run(kind, backup, start, end):
    return Run(name=f"{kind} {backup}", kind=kind, tenant="t", backup=backup, host="h1", start=start, end=end, succeeded=True)


class OfSlots(unittest.TestCase):
    def test_one_run_in_each_slot_is_right(self):
        tally = judge([10.2, 71, 130, 191, 250.5, 310, 371])
        self.assertEqual((tally.wrong, tally.slots, tally.on_time), ([], 7, 7))

    def test_two_runs_in_one_slot_are_found(self):
        self.assertTrue(judge([10, 70, 75, 130, 190, 250, 310, 370]).wrong)

    def test_a_run_before_its_slot_is_found(self):
        self.assertTrue(judge([10, 70, 128, 190, 250, 310, 370]).wrong)

    def test_a_missed_slot_is_found(self):
        self.assertTrue(judge([10, 70, 130, 250, 310, 370]).wrong)

    def test_a_schedule_that_ends_is_found(self):
        self.assertTrue(judge([10, 70, 130]).wrong)

    def test_what_was_in_the_way_all_the_time_excuses_one_run_for_many_slots(self):
        tally = judge([10, 70, 275, 310, 370], [(125, 270)])
        self.assertEqual((tally.wrong, tally.on_time, tally.late, tally.made_up), ([], 4, 1, 2))

    def test_a_missed_slot_that_is_made_up_for_twice_is_found(self):
        self.assertTrue(judge([10, 70, 275, 278, 310, 370], [(125, 270)]).wrong)

    def test_what_was_in_the_way_a_while_before_does_not_excuse(self):
        self.assertTrue(judge([10, 70, 275, 310, 370], [(125, 250)]).wrong)
        self.assertTrue(judge([10, 70, 275, 310, 370], [(125, 140), (200, 270)]).wrong)


class OfBudgets(unittest.TestCase):
    def test_runs_at_the_same_time_are_counted(self):
        runs = [run("BACK_UP", "a", 0, 10), run("BACK_UP", "b", 5, 15), run("VERIFY", "c", 10, 20)]
        self.assertEqual(most_at_once(runs), 2)
        self.assertEqual(times_of_many(runs, 2), [(5, 10), (10, 15)])


class OfRetention(unittest.TestCase):
    MADE = [run("BACK_UP", "b1", 0, 1), run("BACK_UP", "b2", 60, 61), run("BACK_UP", "b3", 120, 121)]

    def judge(self, more, listed):
        return judge_retention("t", sorted(self.MADE + more, key=lambda one: one.start), 2, listed, UNTIL)

    def test_the_newest_ones_are_kept(self):
        self.assertEqual(self.judge([run("DELETE_BACKUP", "b1", 122, 123)], ["b2", "b3"]), [])

    def test_one_too_many_is_found(self):
        self.assertTrue(self.judge([], ["b1", "b2", "b3"]))

    def test_one_too_few_is_found(self):
        gone = [run("DELETE_BACKUP", "b1", 122, 123), run("DELETE_BACKUP", "b2", 124, 125)]
        self.assertTrue(self.judge(gone, ["b3"]))

    def test_the_newest_proven_one_is_kept_until_a_newer_one_is_proven(self):
        proof = run("VERIFY", "b1", 30, 31)
        self.assertEqual(self.judge([proof], ["b1", "b2", "b3"]), [])
        self.assertTrue(self.judge([proof, run("DELETE_BACKUP", "b1", 122, 123)], ["b2", "b3"]))

    def test_what_is_listed_and_was_not_made_is_found(self):
        self.assertTrue(self.judge([run("DELETE_BACKUP", "b1", 122, 123)], ["b2", "b3", "b4"]))
        self.assertTrue(self.judge([run("DELETE_BACKUP", "b1", 122, 123)], ["b2"]))
