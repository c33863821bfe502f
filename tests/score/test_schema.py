"""The MusicXML holds to the schema of MusicXML 4.0, so that other programs take it without repair."""

from importlib.resources import files

import pytest
from lxml import etree

from pianoroll import Note
from score import engrave

# The schema names two others by web addresses; of them it uses these attributes.
ATTRIBUTES = {
    "http://www.w3.org/XML/1998/namespace": ("lang", "space"),
    "http://www.w3.org/1999/xlink": ("href", "type", "role", "title", "show", "actuate"),
}


class Offline(etree.Resolver):
    """Gives the two schemas' attributes without a network."""

    def resolve(self, url: str, public_id: str, context: object) -> object:
        for namespace, names in ATTRIBUTES.items():
            if url.endswith("/xlink.xsd" if "xlink" in namespace else "/xml.xsd"):
                inside = "".join(f'<xs:attribute name="{name}" type="xs:string"/>' for name in names)
                head = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{namespace}">'
                return self.resolve_string(f"{head}{inside}</xs:schema>", context)
        return None


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    parser = etree.XMLParser()
    parser.resolvers.add(Offline())
    return etree.XMLSchema(etree.parse(str(files("musicxml") / "generate_classes" / "musicxml_4_0.xsd"), parser))


def everything() -> list[Note]:
    """Triplets, ties, two voices, chords, a trill, a mordent, grace notes, a spread chord, 8va, fingers, dynamics."""
    notes = [Note(0.5 * i, 72 + i % 5, 0.5 * i + 0.45, 50 + i, "right", 1 + i % 5) for i in range(48) if i % 8 < 5]
    for bar in range(6):
        at = 4.0 * bar
        notes += [Note(at + 2.5 + 0.07 * i, 77 if i % 2 else 76, at + 2.56 + 0.07 * i, 60, "right") for i in range(7)]
        notes += [Note(at + 3.0 + i / 6, 80 + i, at + 3.1 + i / 6, 70, "right") for i in range(3)]
        notes += [Note(at + 3.5, 96, at + 3.9, 70, "right"), Note(at + 3.5, 100, at + 3.9, 70, "right")]
        notes += [Note(at + 0.05 * i, 43 + 4 * i, at + 3.9, 60, "left", 5 - i) for i in range(4)]
        notes += [Note(at + 0.92, 66, at + 0.99, 50, "left"), Note(at + 1.0, 67, at + 1.4, 60, "left")]
        notes += [Note(at + 2.0 + 0.5 * i, 64 - i, at + 2.4 + 0.5 * i, 60, "left") for i in range(4)]
    notes += [Note(24.0 + 0.5 * i, 96 + i % 6, 24.4 + 0.5 * i, 110, "right") for i in range(16)]
    return sorted(notes)


@pytest.mark.parametrize("metre", [None, "4/4", "6/8", "12/16", "2/2", "3/8"])
def test_a_score_with_everything_in_it_is_valid(metre: str | None, schema: etree.XMLSchema) -> None:
    score = engrave(everything(), metre=metre, title="A & <B>", composer="N. N.", date="1810", source="a<b>.mp4")
    assert "<source>a&lt;b&gt;.mp4</source>" in score.musicxml
    schema.assertValid(etree.fromstring(score.musicxml.encode()))


def test_a_score_of_nothing_is_valid(schema: etree.XMLSchema) -> None:
    schema.assertValid(etree.fromstring(engrave([]).musicxml.encode()))
