"""The Pod Security Standards, level restricted, rule by rule, as Kubernetes' own documentation lists them.

It must not know what drkit renders: whatever pod is given is judged.
"""

from collections.abc import Iterator
from typing import Any

Spec = dict[str, Any]
_PROFILES = {"RuntimeDefault", "Localhost"}
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
}
_SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def violations(pod: Spec) -> Iterator[str]:
    """Of a pod's spec."""
    context = pod.get("securityContext", {})
    containers = [
        each for kind in ("initContainers", "containers", "ephemeralContainers") for each in pod.get(kind, [])
    ]
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name))
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= _VOLUMES:
            yield f"the volume {volume['name']} is of a kind that is not allowed"
    yield from (f"sysctl {each['name']}" for each in context.get("sysctls", []) if each["name"] not in _SYSCTLS)
    yield from _shared(context, "the pod")
    for each in containers:
        own = each.get("securityContext", {})
        yield from _shared(own, each["name"])
        yield from _of_container(each, own, context)


def _shared(context: Spec, where: str) -> Iterator[str]:
    """What neither a pod nor a container may say."""
    if context.get("runAsUser") == 0:
        yield f"{where} runs as root"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{where} is a host process"
    selinux = context.get("seLinuxOptions", {})
    if selinux.get("type") not in _SELINUX or selinux.get("user") or selinux.get("role"):
        yield f"{where} chooses its SELinux options"
    if context.get("seccompProfile", {}).get("type", "RuntimeDefault") not in _PROFILES:
        yield f"{where} is unconfined by seccomp"
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in _PROFILES:
        yield f"{where} is unconfined by AppArmor"


def _of_container(container: Spec, own: Spec, pod: Spec) -> Iterator[str]:
    name, capabilities = container["name"], own.get("capabilities", {})
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may gain rights"
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name} keeps capabilities"
    if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield f"{name} may run as root"
    if own.get("seccompProfile", pod.get("seccompProfile", {})).get("type") not in _PROFILES:
        yield f"{name} names no seccomp profile"
    if own.get("procMount", "Default") != "Default":
        yield f"{name} sees more of /proc"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name} takes a port of the host"
    hooks = [hook for hook in container.get("lifecycle", {}).values() if isinstance(hook, dict)]
    probes = [container.get(f"{kind}Probe", {}) for kind in ("liveness", "readiness", "startup")]
    if any(each.get(way, {}).get("host") for each in (*hooks, *probes) for way in ("httpGet", "tcpSocket")):
        yield f"{name} makes the kubelet reach another host"
