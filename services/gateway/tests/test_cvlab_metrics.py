"""Tables of results: read as far as they are written, summed up over finite numbers alone."""

import pytest

from andon.gateway.cvlab.jobs.metrics import summary_of, table_of, thinned


def test_a_line_that_has_not_ended_is_left_out():
    assert [row["loss"] for row in table_of("loss\n1\n2\n3").rows] == [1.0, 2.0]


def test_a_summary_counts_finite_numbers_and_no_steps():
    table = table_of("step,loss,name,empty\n0,2,a,\n1,nan,b,\n2,inf,c,\n3,1,d,\n4,4,e,\n")
    summary = summary_of(table)
    assert summary.total_steps == 5
    assert summary.final == {"loss": 4.0}
    assert (summary.min, summary.max, summary.median) == ({"loss": 1.0}, {"loss": 4.0}, {"loss": 2.0})
    assert summary.mean["loss"] == pytest.approx(7 / 3)


@pytest.mark.parametrize("text", ["", "\n", "a,b", "a\n", '"never ended\n1\n2\n', ",,\n1,2,3,4\n"])
def test_what_is_no_table_has_no_figures(text: str):
    assert summary_of(table_of(text)).final == {}


def test_rows_are_thinned_evenly_with_both_ends():
    rows = table_of("x\n" + "".join(f"{n}\n" for n in range(100))).rows
    assert [row["x"] for row in thinned(rows, 4)] == [0.0, 33.0, 66.0, 99.0]
    assert [row["x"] for row in thinned(rows, 1)] == [99.0]
    assert thinned(rows, None) == thinned(rows, 100) == rows
