"""Files of returns: a row is one line that goes back, and the rows with one return id are one return."""

from services.profile.purchases.api.import_files import Json, import_of
from services.profile.purchases.api.returns import ReturnIn
from services.profile.purchases.domain.returns import Return
from services.profile.purchases.usecases.import_entries import FileParameters
from services.profile.purchases.usecases.import_returns import import_returns
from shared.files.entries import Cells, Kind, integer


def _head(_number: int, row: Cells, source: str) -> Json:
    return {
        "source": source,
        "return_id": row["return_id"],
        "order_id": row["order_id"],
        "returned_at": row["returned_at"].strip(),
    }


def _line(number: int, row: Cells) -> Json:
    return {name: integer(number, name, row[name]) for name in ("line", "quantity")}


RETURNS = Kind(
    plural="returns",
    key="return_id",
    required=("return_id", "order_id", "returned_at", "line", "quantity"),
    one_of=(),
    optional=(),
    of_the_whole=("order_id", "returned_at"),
    related_by="order_id",
    model=ReturnIn,
    head=_head,
    line=_line,
)


def kind_of(_: FileParameters) -> Kind:
    """Return the sort of file that was sent."""
    return RETURNS


def _return(body: Json) -> Return:
    return ReturnIn.model_validate(body).reported


IMPORT = import_of("import_returns", RETURNS.key, kind_of, _return, import_returns)
