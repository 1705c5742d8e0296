"""What is generated is fresh, and says what the contracts say."""

import json
import re
from pathlib import Path

import pytest
import yaml
from generating import ROOT, asyncapi, lock, permissions, service_map
from generating.__main__ import stale

from andon.contracts import INTEGRATIONS, SERVICES, SUBJECTS, Query


@pytest.mark.long
def test_everything_generated_is_committed_as_it_would_be_generated():
    assert stale(ROOT) == [], "run scripts/generate and commit what it writes"


def test_the_lock_was_resolved_from_the_project_files_as_they_are():
    assert lock.is_fresh(ROOT), "run scripts/generate --lock and commit requirements.lock"


def test_a_changed_dependency_makes_the_lock_stale_and_a_changed_description_does_not(tmp_path: Path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\nname = "x"\ndependencies = ["numpy>=2"]\n')
    before = lock.digest(tmp_path)
    project.write_text('[project]\nname = "x"\ndescription = "y"\ndependencies = ["numpy>=2"]\n')
    assert lock.digest(tmp_path) == before
    (tmp_path / "libs" / "a").mkdir(parents=True)
    (tmp_path / "libs" / "a" / "pyproject.toml").write_text('[project]\ndependencies = ["nats-py"]\n')
    assert lock.digest(tmp_path) != before


def test_the_lock_names_no_package_index_and_no_torch():
    text = (ROOT / lock.PATH).read_text()
    assert not re.search(r"index-url|https?://", text)
    assert not re.search(r"^torch==", text, re.MULTILINE)


def test_every_reference_in_the_asyncapi_document_leads_somewhere():
    document = yaml.safe_load((ROOT / asyncapi.PATH).read_text())
    references = re.findall(r"'?\$ref'?: '?([^'\n]+)'?", (ROOT / asyncapi.PATH).read_text())
    assert document["asyncapi"] == "3.0.0"
    assert len(references) > 3 * len(SUBJECTS)
    for reference in set(references):
        if reference.startswith("#/"):
            part = document
            for step in reference[2:].split("/"):
                part = part[step]
        else:
            assert (ROOT / "docs" / reference).is_file(), reference


def test_the_asyncapi_document_has_every_sayer_and_hearer():
    operations = asyncapi.document()["operations"]
    for subject in SUBJECTS:
        says, hears = ("asks", "answers") if isinstance(subject, Query) else ("says", "hears")
        for party in subject.said_by:
            assert operations[f"{party}.{says}.{subject.address}"]["action"] == "send"
        for party in subject.heard_by:
            assert operations[f"{party}.{hears}.{subject.address}"]["action"] == "receive"


def test_the_map_shows_every_service_and_subject():
    text = (ROOT / service_map.PATH).read_text()
    assert all(f"`{subject.address}`" in text for subject in SUBJECTS)
    assert all(f"[{service}]" in text for service in SERVICES)


def test_nobody_but_the_operator_is_allowed_everything():
    allowed = json.loads((ROOT / permissions.PATH).read_text())
    assert set(allowed) == {*SERVICES, INTEGRATIONS, permissions.OPERATOR}
    for user, lists in allowed.items():
        if user != permissions.OPERATOR:
            assert not {">", "$JS.>", "$JS.API.>", "_INBOX.>"} & {*lists["publish"], *lists["subscribe"]}
