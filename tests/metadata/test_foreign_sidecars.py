"""Sidecars as Lightroom, darktable and digiKam write them: read, merged into, and otherwise left as they are."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from phototag.metadata import open_writer
from phototag.records import Memory
from tests.metadata.files import ref_of, remembered

_LIGHTROOM = """<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 7.0-c000 1.000000">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
   xmp:Rating="4"
   xmp:MetadataDate="2024-05-01T10:00:00+02:00"
   crs:Version="15.4"
   crs:Exposure2012="+0.35">
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Places</rdf:li>
     <rdf:li>Rome</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>Places|Rome</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <crs:ToneCurvePV2012>
    <rdf:Seq>
     <rdf:li>0, 0</rdf:li>
     <rdf:li>255, 255</rdf:li>
    </rdf:Seq>
   </crs:ToneCurvePV2012>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

_DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
   xmp:Rating="1"
   darktable:xmp_version="5"
   darktable:raw_params="0"
   darktable:auto_presets_applied="1">
   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:num="0"
      darktable:operation="exposure"
      darktable:enabled="1"
      darktable:params="gz02eJxjYGBgkGAgAQAABAABAA=="/>
    </rdf:Seq>
   </darktable:history>
   <dc:subject>
    <rdf:Seq>
     <rdf:li>Places</rdf:li>
     <rdf:li>Rome</rdf:li>
    </rdf:Seq>
   </dc:subject>
   <lr:hierarchicalSubject>
    <rdf:Seq>
     <rdf:li>Places|Rome</rdf:li>
     <rdf:li>darktable|format|gif</rdf:li>
    </rdf:Seq>
   </lr:hierarchicalSubject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""

_DIGIKAM = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/"
    xmlns:acdsee="http://ns.acdsee.com/iptc/1.0/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
   digiKam:PickLabel="0"
   digiKam:ColorLabel="0"
   acdsee:categories="&lt;Categories&gt;&lt;Category Assigned=&quot;0&quot;&gt;Pet&lt;/Category&gt;&lt;/Categories&gt;">
   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>Places/Rome</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <MicrosoftPhoto:LastKeywordXMP>
    <rdf:Bag>
     <rdf:li>Places/Rome</rdf:li>
    </rdf:Bag>
   </MicrosoftPhoto:LastKeywordXMP>
   <lr:hierarchicalSubject>
    <rdf:Bag>
     <rdf:li>Places|Rome</rdf:li>
    </rdf:Bag>
   </lr:hierarchicalSubject>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Rome</rdf:li>
    </rdf:Bag>
   </dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

_SIDECARS = {
    "lightroom": ("IMG.xmp", _LIGHTROOM),
    "darktable": ("IMG.gif.xmp", _DARKTABLE),
    "digikam": ("IMG.gif.xmp", _DIGIKAM),
}
_BROADER = {"dog": ("animal",)}


@pytest.fixture(params=_SIDECARS)
def sidecar(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "IMG.gif").write_bytes(b"GIF89a")
    name, text = _SIDECARS[request.param]
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return tmp_path / name


def _scan(photo: Path, words: list[str], memory: Memory) -> Memory:
    writer = open_writer()
    plan = writer.plan(ref_of(photo), words, memory, _BROADER)
    if plan.data is not None:
        writer.apply(plan)
    return remembered(plan)


def test_words_are_merged_into_it_and_come_out_again_byte_for_byte(sidecar: Path, tmp_path: Path) -> None:
    photo, before = tmp_path / "IMG.gif", sidecar.read_bytes()
    assert "Rome" in open_writer().read(str(photo)).sidecar

    memory = _scan(photo, ["dog", "animal", "rome"], Memory())

    written = sidecar.read_text(encoding="utf-8")
    assert "<rdf:li>dog</rdf:li>" in written
    assert "<rdf:li>animal|dog</rdf:li>" in written
    assert "<rdf:li>animal/dog</rdf:li>" in written
    assert "rome" not in written
    assert [line for line in before.decode().splitlines() if line not in written] == []

    _scan(photo, [], memory)

    after = sidecar.read_bytes()
    begun = b"" if b"digiKam:TagsList" in before else after[after.index(b"  <rdf:Description", 400) :]
    begun = begun[: begun.find(b" </rdf:RDF>")]  # the owner's words stay in a field that is there now
    assert b"animal" not in after
    assert after.replace(begun, b"") == before


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool")
def test_exiftool_finds_every_other_property_as_it_was(sidecar: Path, tmp_path: Path) -> None:
    def tags() -> dict[str, object]:
        command = ["exiftool", "-j", "-G1", "-a", "-struct", "-XMP:all", "-Warning", str(sidecar)]
        (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return dict(found)

    before = tags()
    _scan(tmp_path / "IMG.gif", ["dog", "animal"], Memory())
    after = tags()

    fields = {"XMP-dc:Subject", "XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList"}
    assert {k: v for k, v in after.items() if k not in fields} == {k: v for k, v in before.items() if k not in fields}
    assert "animal|dog" in str(after["XMP-lr:HierarchicalSubject"])
    assert "animal/dog" in str(after["XMP-digiKam:TagsList"])
