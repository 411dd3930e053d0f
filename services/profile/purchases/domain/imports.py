"""The operations by which an import of purchases or of returns is asked for."""

from typing import Final

IMPORT_PURCHASES: Final = "import_purchases"
IMPORT_RETURNS: Final = "import_returns"
