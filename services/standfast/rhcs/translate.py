"""The whole of a cluster.conf as a configuration of Standfast. Nothing is written, nothing is asked."""

from standfast.configuration.model import Source
from standfast.rhcs.document import DocumentError, parse_document
from standfast.rhcs.ledger import Ledger
from standfast.rhcs.nodes import Addresses, translate_cluster
from standfast.rhcs.packages import FENCING
from standfast.rhcs.report import Imported, NewFile
from standfast.rhcs.services import translate_services
from standfast.rhcs.unit_text import render


def translate(content: bytes, path: str, addresses: Addresses) -> Imported:
    """The new files (without corosync.key) and the report. Raises DocumentError; messages call the file `path`."""
    root = parse_document(content, path)
    if root.tag != "cluster":
        text = f"begins with <{root.tag}>, so it is no cluster.conf of RHCS, which begins with <cluster>"
        raise DocumentError(Source(path=path, line=root.line), text)
    ledger = Ledger(path)
    cluster = translate_cluster(root, addresses, ledger)
    services = translate_services(root, cluster.domains, ledger)
    text = render(f"Imported from {path}", cluster.sections)
    became, findings = ledger.close(root)
    files = {"cluster.conf": NewFile(content=text.encode()), **cluster.secrets, **services.files}
    fencing = {FENCING for one in cluster.sections if one.name == "FenceDevice"}
    return Imported(
        files={name: files[name] for name in sorted(files)},
        became=became,
        findings=findings,
        packages=tuple(sorted(fencing | services.packages)),
    )
