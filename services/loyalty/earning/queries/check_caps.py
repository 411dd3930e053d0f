"""Check that the caps of a document keep their meaning."""

from __future__ import annotations

from services.loyalty.earning.domain.document import RulebookDocument, parse_document
from services.loyalty.earning.refusals import CapChanged
from services.loyalty.earning.storage import rulebooks
from shared.db import Read


async def check_caps(read: Read, document: RulebookDocument) -> None:
    """Refuse a cap whose code had another period or another outer cap: its counters are those of the code.

    Raises CapChanged.
    """
    caps = {cap.code: cap for cap in document.caps}
    for version in await rulebooks.versions(read) if caps else ():
        for text in (await rulebooks.documents(read, [version.version])).values():
            for former in parse_document(text).caps:
                cap = caps.get(former.code, former)
                if (cap.period, cap.within) != (former.period, former.within):
                    raise CapChanged(cap=cap.code, version=version.version)
