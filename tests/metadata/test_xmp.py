"""Editing `dc:subject` in a packet."""

import time

import pytest

from phototag.errors import MetadataError
from phototag.metadata.fields import NewWords
from phototag.metadata.proof import prove_xmp
from phototag.metadata.xmp import edit_subject, fit, fresh_packet, read_subject
from tests.metadata.files import packet, subject

_RATING = "<xmp:Rating>5</xmp:Rating>"
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_TOP = f'<a:RDF xmlns:a="{_RDF}" xmlns:d="{_DC}">'
_DTD = '<!DOCTYPE x [<!ENTITY a "dog">]>'

_PACKETS = [
    pytest.param(packet(_RATING), (), id="no subject"),
    pytest.param(packet(_RATING + subject("one", "two")), ("one", "two"), id="a bag"),
    pytest.param(packet(_RATING + subject("one", "two", container="Seq")), ("one", "two"), id="a sequence"),
    pytest.param(packet(_RATING + subject()), (), id="an empty bag"),
    pytest.param(packet("<dc:subject><rdf:Bag/></dc:subject>"), (), id="a bag of one tag"),
    pytest.param(packet("<dc:subject/>" + _RATING), (), id="an empty property"),
    pytest.param(packet("<dc:subject>one</dc:subject>"), ("one",), id="a plain value"),
    pytest.param(
        packet(_RATING, attributes=' dc:subject="one &amp; &quot;two&quot;"'), ('one & "two"',), id="an attribute"
    ),
    pytest.param(packet("<dc:subject><rdf:Bag><rdf:li>a</rdf:li></rdf:Bag></dc:subject>"), ("a",), id="one line"),
    pytest.param(packet(_RATING + subject("<![CDATA[R&B]]>", "&lt;x&gt;")), ("R&B", "<x>"), id="escaped words"),
    pytest.param(
        f'{_TOP}<a:Description a:about="" d:x="1"/><a:Description a:about=""><d:subject><a:Bag><a:li>a</a:li></a:Bag>'
        "</d:subject></a:Description></a:RDF>".encode(),
        ("a",),
        id="other prefixes and several descriptions",
    ),
    pytest.param(f'<RDF xmlns="{_RDF}"/>'.encode(), (), id="a default namespace and no description"),
    pytest.param(packet(_RATING + subject("one")).decode().encode("utf-16"), ("one",), id="UTF-16"),
    pytest.param(packet(_RATING + subject("one")).decode().encode("utf-16-be"), ("one",), id="UTF-16 without a mark"),
    pytest.param(b"\xef\xbb\xbf" + packet(subject("one")) + b"\0\0", ("one",), id="a mark before, zeros behind"),
    pytest.param(fresh_packet(), (), id="a fresh packet"),
]


@pytest.mark.parametrize(("before", "held"), _PACKETS)
def test_words_are_added_behind_those_that_are_there_and_nothing_else_changes(
    before: bytes, held: tuple[str, ...]
) -> None:
    words = (*held, "dog", "犬 & <b>", "🐶")

    after = edit_subject(before, words)

    assert read_subject(before) == held
    assert read_subject(after) == words
    prove_xmp(before, after, NewWords(tuple(words)))
    assert edit_subject(after, words) == after


@pytest.mark.parametrize("properties", [_RATING, _RATING + subject("one", "two"), subject("one", container="Seq")])
def test_words_added_and_taken_out_again_leave_the_packet_as_it_was(properties: str) -> None:
    before = packet(properties)
    held = read_subject(before)

    assert edit_subject(edit_subject(before, (*held, "dog", "cat")), held) == before


@pytest.mark.parametrize(("before", "held"), _PACKETS)
def test_all_words_can_be_taken_out(before: bytes, held: tuple[str, ...]) -> None:
    after = edit_subject(before, ())

    assert read_subject(after) == ()
    prove_xmp(before, after, NewWords(()))


def test_an_added_word_is_formatted_like_its_neighbours() -> None:
    before = packet(subject("one"))

    after = edit_subject(before, ("one", "dog"))

    assert after == before.replace(b"<rdf:li>one</rdf:li>", b"<rdf:li>one</rdf:li>\n     <rdf:li>dog</rdf:li>")


def test_a_word_in_another_encoding_of_the_same_letters_is_not_doubled() -> None:
    before = packet(subject("cafe\u0301"))

    assert edit_subject(before, ("cafe\u0301",)) == before


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>", id="cut short"),
        pytest.param(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", id="no RDF"),
        pytest.param(_DTD.encode() + packet(subject("&a;")), id="a DOCTYPE"),
        pytest.param(packet(subject("&a;")), id="an unknown entity"),
        pytest.param(packet("<unbound:x/>"), id="an unbound prefix"),
        pytest.param(packet("<xmp:x>" * 200 + "</xmp:x>" * 200), id="nested without end"),
        pytest.param(b"\xff" + packet(""), id="not UTF-8"),
        pytest.param(b'<?xml version="1.0" encoding="latin1"?>' + fresh_packet(), id="another encoding"),
        pytest.param(packet(subject("one") + subject("two")), id="two subjects"),
        pytest.param(packet('<dc:subject rdf:resource="x"/>'), id="a reference"),
        pytest.param(packet('<dc:subject rdf:parseType="Resource"><xmp:a/></dc:subject>'), id="a structure"),
        pytest.param(packet(subject("<xmp:a/>")), id="structures in the bag"),
        pytest.param(fresh_packet() + b" " * 2**24, id="too long"),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(hostile: bytes) -> None:
    with pytest.raises(MetadataError):
        edit_subject(hostile, ("dog",))


def test_padding_takes_up_what_a_packet_grows_by() -> None:
    before = packet(_RATING, padding=2000)

    after = fit(edit_subject(before, ("dog",)), len(before))

    assert len(after) == len(before)
    prove_xmp(before, after, NewWords(("dog",)))
    with pytest.raises(MetadataError, match="no room"):
        fit(edit_subject(before, ("dog" * 1000,)), len(before))


@pytest.mark.parametrize(
    "packet_",
    [
        pytest.param(
            packet("", padding=0).replace(b"<?xpacket end", b" " * 500_000 + b"<?xpacket begin"), id="padding"
        ),
        pytest.param(packet("", attributes=' dc:subject="a"' + " " * 500_000), id="space in a tag"),
        pytest.param(packet("<xmp:a/>" * 90_000), id="many elements"),
        pytest.param(packet("a&amp;" * 500_000), id="text in pieces"),
    ],
)
def test_the_time_to_edit_grows_with_the_packet_and_no_faster(packet_: bytes) -> None:
    start = time.process_time()

    fit(edit_subject(packet_, ("dog",)) + b"<?xpacket end='w'?>", len(packet_) + 10_000)

    assert time.process_time() - start < 5  # what grows with the square takes minutes
