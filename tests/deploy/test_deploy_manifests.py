"""The manifests are what Kubernetes takes, and agree with each other."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from deployed import DEPLOY, Manifest, manifest, manifests, pod_of

from andon.contracts import SERVICES, durable_of, stream_of
from andon.contracts.inspection import FRAME_CAPTURED

K8S = DEPLOY / "k8s"
CRDS = {file.stem: json.loads(file.read_text()) for file in (Path(__file__).parent / "crds").iterdir()}
EVERY = [pytest.param(m, id=f"{file.relative_to(K8S)}:{m['kind']}") for file, m in manifests()]
QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|Ki|Mi|Gi|Ti|k|M|G|T)?")
SCALE = {
    "m": 1e-3,
    "": 1,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
}


def amount(quantity: Any) -> float:
    found = QUANTITY.fullmatch(str(quantity))
    assert found, f"{quantity} is no quantity"
    return float(found[1]) * SCALE[found[2] or ""]


def validate(document: Manifest) -> None:
    """Strictly: what no schema is known for is an error, too."""
    crd = CRDS.get(f"{document['apiVersion'].replace('/', '.')}.{document['kind']}")
    if crd is not None:
        jsonschema.validate(document, crd)
    else:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("document", EVERY)
def test_a_manifest_fits_its_schema(document: Manifest):
    validate(document)


@pytest.mark.parametrize(
    ("kind", "name", "change"),
    [
        ("Deployment", "inspection", lambda m: m["spec"].update(replica=2)),
        ("Deployment", "inspection", lambda m: pod_of(m)["containers"][0].update(image=5)),
        ("Service", "gateway", lambda m: m["spec"]["ports"][0].update(port="eighty")),
        (
            "ScaledObject",
            "inspection",
            lambda m: m["spec"]["triggers"][0]["metadata"].update(lagThreshold=48),
        ),
        ("ServiceMonitor", "auth", lambda m: m["spec"]["endpoints"][0].update(pth="/metrics")),
        ("Deployment", "auth", lambda m: m.update(kind="Deploymint")),
    ],
)
def test_a_planted_mistake_is_found(kind: str, name: str, change: Any):
    document = manifest(kind, name)
    change(document)
    with pytest.raises(
        (
            jsonschema.ValidationError,
            kubernetes_validate.ValidationError,
            kubernetes_validate.SchemaNotFoundError,
        )
    ):
        validate(document)


def test_every_service_has_its_manifests():
    for name in SERVICES:
        kinds = {m["kind"] for file, m in manifests() if file.parent.name == name}
        assert kinds >= {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"}


def test_kustomizations_name_every_file_and_nothing_else():
    for file in K8S.rglob("kustomization.yaml"):
        listed = yaml.safe_load(file.read_text())["resources"]
        there = {f.name for f in file.parent.glob("*.yaml")} - {"kustomization.yaml", "secrets.example.yaml"}
        folders = {f.name for f in file.parent.iterdir() if f.is_dir()}
        assert sorted(listed) == sorted(there | folders), file


def test_selectors_find_what_they_are_for(service: str):
    labels = manifest("Deployment", service)["spec"]["template"]["metadata"]["labels"]
    service_labels = manifest("Service", service)["metadata"]["labels"]

    def finds(selector: dict[str, str], among: dict[str, str]) -> bool:
        return selector.items() <= among.items()

    assert finds(manifest("Deployment", service)["spec"]["selector"]["matchLabels"], labels)
    assert finds(manifest("Service", service)["spec"]["selector"], labels)
    assert finds(manifest("PodDisruptionBudget", service)["spec"]["selector"]["matchLabels"], labels)
    assert finds(manifest("NetworkPolicy", service)["spec"]["podSelector"]["matchLabels"], labels)
    assert finds(manifest("ServiceMonitor", service)["spec"]["selector"]["matchLabels"], service_labels)


def test_no_selector_finds_another_service_s_pods():
    pods = {name: manifest("Deployment", name)["spec"]["template"]["metadata"]["labels"] for name in SERVICES}
    for name in SERVICES:
        selector = manifest("Service", name)["spec"]["selector"]
        assert [other for other in SERVICES if selector.items() <= pods[other].items()] == [name]


def test_ports_that_are_named_are_there(service: str):
    (container,) = pod_of(manifest("Deployment", service))["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    offered = {port["name"]: port for port in manifest("Service", service)["spec"]["ports"]}
    assert {port["targetPort"] for port in offered.values()} == set(ports)
    assert all(port["port"] == ports[port["targetPort"]] for port in offered.values())
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
    for endpoint in manifest("ServiceMonitor", service)["spec"]["endpoints"]:
        assert endpoint["port"] in offered
    allowed = manifest("NetworkPolicy", service)["spec"]["ingress"]
    opened = {port["port"] for rule in allowed for port in rule["ports"]}
    assert opened == set(ports)


def test_resources_are_quantities_and_requests_stay_below_limits():
    for _, document in manifests():
        if document["kind"] not in {"Deployment", "Job"}:
            continue
        for container in pod_of(document)["containers"]:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert amount(requests["cpu"]) <= 4
            assert amount(requests["memory"]) <= amount(limits["memory"])
        for volume in pod_of(document)["volumes"]:
            amount(volume.get("emptyDir", {}).get("sizeLimit", 0))


def test_pods_run_without_rights_that_they_do_not_need():
    for _, document in manifests():
        if document["kind"] in {"Deployment", "Job"}:
            pod = pod_of(document)
            assert pod["securityContext"]["runAsNonRoot"]
            assert not pod["automountServiceAccountToken"]
            for container in pod["containers"]:
                context = container["securityContext"]
                assert context["readOnlyRootFilesystem"]
                assert not context["allowPrivilegeEscalation"]
                assert context["capabilities"] == {"drop": ["ALL"]}
                mounted = {mount["name"] for mount in container["volumeMounts"]}
                assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_secrets_and_maps_that_are_referred_to_are_described():
    known = {
        (m["metadata"]["name"], key)
        for _, m in manifests()
        if m["kind"] in {"ConfigMap", "Secret"}
        for key in {**m.get("data", {}), **m.get("stringData", {})}
    }
    for file, document in manifests():
        for reference in references(document):
            assert (reference["name"], reference["key"]) in known, file


def references(part: Any) -> list[dict[str, str]]:
    if isinstance(part, dict):
        found = [value for key, value in part.items() if key in {"secretKeyRef", "configMapKeyRef"}]
        return found + [each for value in part.values() for each in references(value)]
    return [each for value in part for each in references(value)] if isinstance(part, list) else []


def test_autoscaling_follows_the_durable_that_the_inspection_service_fetches_from():
    scaled = manifest("ScaledObject", "inspection")["spec"]
    (trigger,) = scaled["triggers"]
    assert trigger["metadata"]["stream"] == stream_of(FRAME_CAPTURED)
    assert trigger["metadata"]["consumer"] == durable_of("inspection", FRAME_CAPTURED)
    assert scaled["scaleTargetRef"]["name"] == manifest("Deployment", "inspection")["metadata"]["name"]
    assert "replicas" not in manifest("Deployment", "inspection")["spec"], "KEDA sets them"


def test_claims_of_volumes_exist():
    claims = {m["metadata"]["name"] for _, m in manifests() if m["kind"] == "PersistentVolumeClaim"}
    for _, document in manifests():
        if document["kind"] == "Deployment":
            for volume in pod_of(document)["volumes"]:
                claim = volume.get("persistentVolumeClaim")
                assert claim is None or claim["claimName"] in claims
