"""The report of a month that is over, in the store: signed, and written once. Its page is put first, and the signed
JSON holds the page's hash; so a report is there exactly when its JSON is.

It must not know how a report is made.
"""

from collections.abc import Collection
from hashlib import sha256
from typing import Literal

from drkit import catalog
from drkit.errors import AlreadyExists, IntegrityError, NotFound
from drkit.model import Finding
from drkit.ports import Store
from drkit.report.document import to_document
from drkit.report.model import Report
from drkit.signing import Signer, SigningKey, check_document, sign_document

Filed = Literal["stored", "stored already"]
_OTHER = "Somebody changed it, or it was damaged: take another copy, or make the page anew with `drkit report --month`."
_UNSIGNED = (
    "It is a copy that was never signed: drkit signs the reports of months that are over, in the store. Fetch that one."
)
_ANEW = "`drkit report --no-store` makes the report anew; `drkit evidence verify all` tells what else is wrong"


def file_report(store: Store, report: Report, page: bytes, signing_key: SigningKey) -> Filed:
    month = f"{report.month.first_day:%Y-%m}"
    key, beside = catalog.report_key(report.system, month), catalog.report_key(report.system, month, "html")
    there = {entry.key for entry in store.list(f"{report.system}/reports/{month}.")}
    if key in there:
        return "stored already"
    if beside in there:
        store.delete([beside])  # a run that was cut off has left it, and no report vouches for it
    document = to_document(report, sha256(page).hexdigest())
    try:
        store.put(beside, iter([page]))
        store.put(key, iter([sign_document(signing_key, key, document)]))
    except AlreadyExists:
        return "stored already"  # by somebody else, at this moment
    return "stored"


def fetch_filed(store: Store, system: str, month: str, signers: Collection[Signer]) -> tuple[bytes, bytes]:
    """The stored report and its page, byte for byte, if they can be believed."""
    key = catalog.report_key(system, month)
    try:
        content, page = (catalog.fetch(store, each) for each in (key, catalog.report_key(system, month, "html")))
    except NotFound as error:
        raise IntegrityError(f"of {key} and its page one is not in the store", _ANEW) from error
    for finding in check_filed(key, content, page, signers):
        if not finding.passed:
            raise IntegrityError(finding.detail, _ANEW)
    return content, page


def check_filed(key: str, content: bytes, page: bytes | None, signers: Collection[Signer]) -> list[Finding]:
    """Whether a stored report is what its signer wrote to that key, and the page beside it, if it is at hand, too."""
    try:
        document = check_document(signers, key, content)
    except IntegrityError as error:
        signed = b'"signature"' in content
        return [Finding("report", False, str(error), error.hint if signed else _UNSIGNED)]
    if (document.get("system"), document.get("month")) != catalog.parse_report_key(key):
        return [Finding("report", False, f"{key} is the report of another system or month", _OTHER)]
    found = [Finding("report", True, f"{key} is signed, and nobody has changed it since")]
    if page is not None:
        good = sha256(page).hexdigest() == document.get("page_sha256")
        name = key.removesuffix("json") + "html"
        detail = f"{name} is the page of that report" if good else f"{name} is not the page that was signed"
        found.append(Finding("page", good, detail, "" if good else _OTHER))
    return found
