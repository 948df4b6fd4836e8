from hypothesis import given
from hypothesis import strategies as st

from forewarn_models.labels import group_of, label_text, labels_of

pairs = st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=5), max_size=5)


@given(pairs)
def test_labels_do_not_depend_on_the_order_they_came_in(mapping):
    assert labels_of(mapping) == labels_of(dict(reversed(mapping.items())))


def test_a_group_keeps_the_named_labels():
    labels = labels_of({"instance": "a", "device": "sda"})
    assert group_of(labels, ("instance",)) == (("instance", "a"), ("series", "*"))
    assert group_of(labels, ()) == (("series", "*"),)


def test_label_text_escapes_as_promql_does():
    assert label_text(()) == "{}"
    assert label_text((("a", 'x"\\\n'),)) == '{a="x\\"\\\\\\n"}'
